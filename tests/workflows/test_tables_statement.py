"""Reading SQL statements: whatever is written is judged, and what is let through is what was written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.exceptions import Invalid
from apps.workflows.tables.statement import bind, parse, tokenize

PIECES = (
    "select", "from", "orders", "where", " ", "\n", "(", ")", ",", "'", '"', "''", "--", "/*", "*/", "$$", "$a$",
    ":x", "::", "pg_sleep", "count", "1", "1e", ".", ";", "E'\\'", "U&'", "\\", "%", "%s", "%(x)s", "é", "\u00a0",
    "and", "or", "into",
)  # fmt: skip


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_is_judged(text):
    for source in (text, f"select {text}"):
        try:
            parsed = parse(source)
        except Invalid:
            continue
        names = [token.value for token in tokenize(source) if token.kind in ("word", "quoted")]
        assert not any(name.startswith("pg_") for name in names)
        # what the driver would take for a place of its own is none
        assert "%" not in re.sub(r"%\(\w+\)s|%%", "", parsed.text)


@given(st.lists(st.sampled_from(PIECES), max_size=15).map("".join))
def test_the_pieces_put_together_are_the_text_without_its_comments(text):
    try:
        tokens = tokenize(text)
    except Invalid:
        return
    assert "".join(token.text for token in tokens if token.kind != "space").replace(" ", "") in (
        "".join(token.text for token in tokens).replace(" ", "")
    )


def test_places_are_found_and_percent_signs_kept():
    parsed = parse("select :a, ':b', x::text, :a, 5 % 2 from orders -- :c")
    assert parsed.parameters == ("a",)
    assert parsed.text == "select %(a)s, ':b', x::text, %(a)s, 5 %% 2 from orders  "
    assert bind(parsed, {"a": 1, "z": 2}) == {"a": 1}
    with pytest.raises(Invalid, match=":a"):
        bind(parsed, {})


@pytest.mark.parametrize(
    ("text", "writes", "silent"),
    [
        ("select 1", False, False),
        ("insert into orders (a) values (1)", True, True),
        ("insert into orders (a) values (1) returning id", True, False),
        ("with gone as (delete from orders returning *) select * from gone", True, False),
        ('select "delete" from orders', False, False),
    ],
)
def test_what_a_statement_does_is_known(text, writes, silent):
    parsed = parse(text)
    assert (parsed.writes, parsed.silent) == (writes, silent)
