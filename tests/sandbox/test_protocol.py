"""The wire: what one side writes the other reads, and nothing else is accepted."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.sandbox import protocol
from apps.core.sandbox.jobs import CodeJob, Limits
from apps.core.sandbox.protocol import HttpRequest, ProtocolError, Start, Verdict
from apps.core.sandbox.runner.frames import Job

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30)
@given(
    code=st.text(st.characters()),
    inputs=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    files=st.dictionaries(st.text(min_size=1, max_size=5), st.binary(max_size=20), max_size=3),
)
def test_the_job_reads_what_the_client_wrote(code, inputs, files):
    encoded = protocol.encode_job(CodeJob("python", code, inputs, files, network=("example.com",)))
    kind, size = protocol.HEADER.unpack_from(encoded)
    assert (kind, size) == (protocol.JOB, len(encoded) - protocol.HEADER.size)
    job = Job(encoded[protocol.HEADER.size :])
    assert (job.code, json.loads(job.inputs), job.files) == (code, inputs, files)
    assert job.meta["network"] is True


def test_inputs_that_are_no_json_are_refused():
    with pytest.raises(ValueError, match="Out of range"):
        protocol.encode_job(CodeJob("python", "", {"a": float("nan")}))
    with pytest.raises(TypeError):
        protocol.encode_job(CodeJob("python", "", {"a": object()}))


def test_a_job_larger_than_a_frame_is_refused(monkeypatch):
    monkeypatch.setattr(protocol, "MAX_FRAME", 1000)
    with pytest.raises(ValueError, match="larger than"):
        protocol.encode_job(CodeJob("python", "x" * 1000))


@pytest.mark.parametrize(
    ("language", "code", "socket"),
    [
        ("javascript", "import numpy", "javascript"),
        ("python", "import json\nfrom datetime import date\ndef main(): ...", "python"),
        ("python", "def main(email, code, html):\n    return {'decimal': email}", "python"),
        ("python", "import os, hashlib", "library"),
        ("python", "from xml.etree import ElementTree", "library"),
        ("python", "def main():\n    import asyncio", "library"),
        ("python", "x = 1; import decimal", "library"),
        ("python", "def main(): import decimal", "library"),
        ("python", "__import__('hashlib')", "library"),
        ("python", "import math\nimport numpy as np", "packages"),
        ("python", "import importlib\nimportlib.import_module('numpy')", "packages"),
        ("python", "import this_is_nothing", "python"),
    ],
)
def test_code_goes_to_the_interpreter_it_needs(language, code, socket):
    assert protocol.choose_socket(CodeJob(language, code), ["numpy"]) == socket


def test_start_messages():
    limits = Limits(cpu_s=0.5, wall_s=3, memory_mb=64)
    assert Start.decode(protocol.start_message(limits, socket="python")) == Start(0.5, 3.0, 64, "python")
    assert "socket" not in json.loads(protocol.start_message(limits))


@pytest.mark.parametrize(
    "message",
    [
        b"", b"[]", b"{}", b"\xff", b'{"v":99,"cpu_s":1,"wall_s":1,"memory_mb":1}',
        b'{"v":1,"cpu_s":"x","wall_s":1,"memory_mb":1}', b'{"v":1,"cpu_s":1e999,"wall_s":1,"memory_mb":1}',
        b'{"v":1,"cpu_s":1,"wall_s":-1,"memory_mb":1}', b'{"v":1,"cpu_s":1,"wall_s":1,"memory_mb":99999999}',
    ],
)  # fmt: skip
def test_other_messages_start_nothing(message):
    with pytest.raises(ProtocolError):
        Start.decode(message)


def test_verdicts_survive_the_wire():
    verdict = Verdict("done", ready=True, signal=31, reason="wall", cpu_ms=1.5, wall_ms=2.5, max_rss_kb=3)
    assert Verdict.decode(verdict.encode()) == verdict
    for wrong in (b"", b"[]", b'{"state":"done","extra":1}', b"{}"):
        with pytest.raises(ProtocolError):
            Verdict.decode(wrong)


def test_file_frames():
    encoded = protocol.encode_file("résumé.txt", b"\0\1")
    assert protocol.decode_file(encoded[protocol.HEADER.size :]) == ("résumé.txt", b"\0\1")


@pytest.mark.parametrize(
    "payload",
    [b"", b"\5", struct.pack("<H", 9) + b"short", struct.pack("<H", 2) + b"\xff\xfe", struct.pack("<H", 0)]
    + [
        struct.pack("<H", len(name)) + name
        for name in (b"..", b".", b"a/b", b"a\\b", b"a\0", b"a\nb", b"x" * 201)
    ],
)
def test_strange_file_frames_are_refused(payload):
    with pytest.raises(ProtocolError):
        protocol.decode_file(payload)


@settings(max_examples=30)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_request_is_read_or_refused(payload):
    try:
        request = HttpRequest.decode(payload)
    except ProtocolError:
        return
    assert isinstance(request.url, str)
