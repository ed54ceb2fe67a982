"""Chunking: nothing lost, limits kept, structure respected."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from apps.knowledge.chunking import ChunkingSettings, chunk, estimate_tokens
from apps.knowledge.parsing import ParsedDocument, Section, SectionKind


def markdown(text: str) -> ParsedDocument:
    return ParsedDocument((Section(text),))


def texts(document: ParsedDocument, **options: object) -> list[str]:
    return [draft.text for draft in chunk(document, ChunkingSettings(**options))]


SENTENCE = "Green tea holds many antioxidants and is drunk all over the world. "


def test_a_short_document_is_one_chunk():
    (draft,) = chunk(markdown("# Tea\n\nGreen tea is good."))
    assert (draft.text, draft.headings, draft.position) == ("# Tea\n\nGreen tea is good.", ("Tea",), 0)


def test_headings_start_chunks_and_give_the_path():
    text = f"# Tea\n\n{SENTENCE * 8}\n\n## Green\n\n{SENTENCE * 8}\n\n## Black\n\n{SENTENCE * 8}"
    drafts = chunk(markdown(text), ChunkingSettings(size=150, overlap=0))
    assert [draft.headings for draft in drafts] == [("Tea",), ("Tea", "Green"), ("Tea", "Black")]
    assert drafts[1].text.startswith("## Green\n\nGreen tea")


def test_a_heading_is_never_left_alone_at_the_end():
    text = f"{SENTENCE * 8}\n\n## Next\n\n{SENTENCE * 8}"
    assert not any(part.endswith("## Next") for part in texts(markdown(text), size=140, overlap=0))


def test_running_text_overlaps_by_whole_sentences():
    sentences = [f"Sentence number {number} says something about tea." for number in range(40)]
    parts = texts(markdown(" ".join(sentences)), size=100, overlap=30)
    assert len(parts) > 3
    for before, after in pairwise(parts):
        shared = after.split(". ")[0]
        assert shared.rstrip(".") in before
        assert before != after


def test_a_long_table_repeats_its_header_and_keeps_rows_whole():
    rows = [f"| item {number} | {number * 7} |" for number in range(60)]
    parts = texts(markdown("\n".join(["| name | price |", "| --- | --- |", *rows])), size=100, overlap=20)
    assert len(parts) >= 3
    assert all(part.startswith("| name | price |\n| --- | --- |\n| item") for part in parts)
    assert [line for part in parts for line in part.split("\n")[2:]] == rows


def test_a_long_code_block_keeps_its_fence():
    code = "\n".join(f"value_{number} = compute({number})" for number in range(80))
    parts = texts(markdown(f"```python\n{code}\n```"), size=100, overlap=20)
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts)


def test_a_hash_in_plain_text_is_no_heading():
    (draft,) = chunk(ParsedDocument((Section("# not a title\n\ntext", SectionKind.PLAIN),)))
    assert draft.headings == ()


def test_pages_and_outline_titles_are_kept():
    document = ParsedDocument(
        tuple(Section(SENTENCE * 10, page=number, headings=(f"Part {number}",)) for number in (1, 2, 3))
    )
    drafts = chunk(document, ChunkingSettings(size=200, overlap=0))
    assert [(draft.page, draft.headings[0]) for draft in drafts] == [
        (1, "Part 1"),
        (2, "Part 2"),
        (3, "Part 3"),
    ]


def test_chinese_text_is_cut_at_sentences_by_estimated_tokens():
    text = "绿茶含有丰富的茶多酚，适量饮用有益健康。" * 60
    drafts = chunk(ParsedDocument((Section(text, SectionKind.PLAIN),)), ChunkingSettings(size=150, overlap=0))
    assert all(draft.text.endswith("。") for draft in drafts)
    assert max(len(draft.text) for draft in drafts) <= 200


def test_records_are_packed_and_rows_are_separate():
    section = Section("\n\n".join(f"name: n{n}\nprice: {n}" for n in range(10)), SectionKind.RECORDS)
    document = ParsedDocument((section,))
    assert len(texts(document, size=50, overlap=0)) < 6
    assert texts(document, strategy="rows")[3] == "name: n3\nprice: 3"
    assert len(texts(document, strategy="rows", rows_per_chunk=4)) == 3


def test_settings_refuse_nonsense():
    with pytest.raises(ValidationError, match="half of the chunk size"):
        ChunkingSettings(size=100, overlap=80)
    with pytest.raises(ValidationError):
        ChunkingSettings(strategy="magic")


def test_megabytes_are_cut_in_reasonable_time():
    drafts = chunk(markdown("\n\n".join([SENTENCE * 6] * 2500)))
    assert len(drafts) == 1250


_LINES = st.one_of(
    st.sampled_from(
        [
            "",
            "# Title",
            "## Part",
            "```",
            "```py",
            "| a | b |",
            "| --- | --- |",
            "| 1 | 2 |",
            "- item",
            "   ",
            "~~~",
            "#",
        ]
    ),
    st.text(alphabet=st.sampled_from("ab 茶。，.!?\t|#`é한"), max_size=300),
    st.text(max_size=80),
)
_SECTIONS = st.builds(
    Section,
    text=st.lists(_LINES, max_size=25).map("\n".join),
    kind=st.sampled_from(SectionKind),
    page=st.none() | st.integers(1, 9),
    headings=st.sampled_from([(), ("A",), ("A", "B")]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(_SECTIONS, max_size=4),
    st.integers(50, 120),
    st.integers(0, 25),
    st.sampled_from(["general", "rows"]),
)
def test_nothing_is_lost_positions_grow_and_limits_hold(sections, size, overlap, strategy):
    document = ParsedDocument(tuple(sections))
    drafts = chunk(
        document, ChunkingSettings(strategy=strategy, size=size, overlap=overlap, rows_per_chunk=3)
    )
    assert [draft.position for draft in drafts] == list(range(len(drafts)))
    starts = [draft.start for draft in drafts]
    assert starts == sorted(starts)
    covered = bytearray(len(document.text))
    for draft in drafts:
        assert draft.text.strip()
        assert estimate_tokens(draft.text) <= size + 1
        assert document.text[draft.start : draft.end].strip() in draft.text
        covered[draft.start : draft.end] = b"\x01" * (draft.end - draft.start)
    lost = [
        char for char, seen in zip(document.text, covered, strict=True) if not seen and not char.isspace()
    ]
    assert lost == []
    if overlap == 0:
        assert all(after.start >= before.end for before, after in pairwise(drafts))
