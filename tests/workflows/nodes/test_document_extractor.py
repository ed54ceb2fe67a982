"""Text of files."""

from __future__ import annotations

import pytest

from apps.workflows.engine.ports import Ports
from tests.workflows.nodes.harness import Bench


@pytest.fixture
def node(files) -> Bench:
    node = Bench("document_extractor")
    node.ctx.ports = Ports(files=files)
    return node


async def test_reads_one_file(node, files):
    outputs = await node.outputs(files=files.give("a.md", b"# Tea\n\nGreen."))
    assert outputs["text"] == outputs["texts"][0]
    assert "Green." in outputs["text"]
    assert outputs["documents"][0]["name"] == "a.md"
    assert outputs["documents"][0]["title"] == "Tea"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.json", b'{"a":"\\u00fc"}', '{\n  "a": "ü"\n}'),
        ("a.yaml", b"a: 1\n", "a: 1\n"),
        ("a.yml", b"- x", "- x"),
        ("a.txt", "grün".encode("utf-16"), "grün"),
        ("a.py", b"print(1)", "print(1)"),
        ("a.html", b"<p>Hello <b>you</b></p>", "Hello **you**"),
        ("a.csv", b"name,age\nAnn,3\n", "name: Ann\nage: 3"),
        ("a.jsonl", b'{"a":1}\n{"a":2}', '{"a":1}\n{"a":2}'),
    ],
)
async def test_reads_many_formats(node, files, name, content, expected):
    assert (await node.outputs(files=[files.give(name, content)]))["text"].strip() == expected.strip()


async def test_a_name_without_extension_goes_by_its_type(node, files):
    outputs = await node.outputs(files=files.give("notes", b"plain", "text/plain; charset=utf-8"))
    assert outputs["text"] == "plain"


async def test_reads_several_and_joins_them(node, files):
    given = [files.give("a.txt", b"one"), None, files.give("b.txt", b"two-and-more")]
    outputs = await node.outputs(files=given, separator="|", max_chars=3)
    assert (outputs["text"], outputs["texts"]) == ("one|two", ["one", "two"])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("a.json", b"{", "broken_document"), ("a.yaml", b"a: [", "broken_document"), ("a.xyz", b"x", "unsupported_format"),
     ("a.txt", b" ", "empty_document"), ("a.pdf", b"no pdf", "wrong_extension")],
)  # fmt: skip
async def test_what_can_not_be_read_fails_or_is_left_out(node, files, name, content, reason):
    file = files.give(name, content)
    error = await node.fails("unreadable_file", files=file)
    assert error.message.startswith(f"{name}: ")
    assert error.details == {"reason": reason}
    outputs = await node.outputs(files=[file, files.give("b.txt", b"two")], on_unreadable="skip")
    assert (outputs["text"], outputs["errors"][0]["name"]) == ("two", name)


async def test_only_files_can_be_read(node):
    await node.fails("no_file", files="a.txt")
    await node.fails("file_not_found", files={"id": "gone", "name": "a.txt"})
    node.ctx.ports = Ports()
    await node.fails("port_missing", files=[])


async def test_no_files_are_no_text(node):
    assert (await node.outputs(files=[]))["text"] == ""


async def test_aliases_in_yaml_do_not_explode(node, files):
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (98 + i, 98 + i, *[97 + i] * 8) for i in range(12)
    )
    assert (await node.outputs(files=files.give("a.yaml", bomb)))["text"] == bomb.decode()
