"""JSON of strangers on its way into the database."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.test import APIClient, APIRequestFactory

from apps.core.api.parsers import BoundedJSONParser, UnicodeJSONParser
from apps.core.json import dump_storable, storable
from apps.core.models import Job

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=5) | st.just("\ud800\x00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(ANYTHING)
def test_what_is_dumped_can_be_stored_and_says_the_same(value):
    read = json.loads(dump_storable(value))
    assert read == storable(value)
    text = json.dumps(read, ensure_ascii=False)
    text.encode()
    assert "\\u0000" not in text
    plain = json.dumps(value, ensure_ascii=False)
    if plain.isprintable():
        assert read == value


def test_only_what_cannot_be_stored_is_replaced():
    assert storable({"a\0": ["x\0y", "\ud83d", "😀", 1]}) == {"a\ufffd": ["x\ufffdy", "?", "😀", 1]}
    assert dump_storable({"a": "\\u0000"}) == json.dumps({"a": "\\u0000"})


@pytest.mark.django_db
def test_a_column_takes_any_text(workspace):
    job = Job.objects.create(workspace=workspace, args={"said": "half \ud800 and \0", "emoji": "😀"})
    job.refresh_from_db()
    assert job.args == {"said": "half ? and \ufffd", "emoji": "😀"}
    Job.objects.filter(pk=job.pk).update(args={"later": ["\0"]})
    job.refresh_from_db()
    assert job.args == {"later": ["\ufffd"]}


@pytest.mark.parametrize("body", [r'["\ud83d"]', r'{"\udc00": 1}', r'{"a": {"b": ["x\ud800y"]}}'])
def test_half_a_character_is_a_mistake_of_the_client(body):
    def parse(parser: JSONParser):
        stream = APIRequestFactory().post("/", body, content_type="application/json")
        return parser.parse(stream, parser_context={})

    with pytest.raises(ParseError, match="surrogate"):
        parse(UnicodeJSONParser())
    assert parse(BoundedJSONParser())


def test_an_emoji_is_none():
    stream = APIRequestFactory().post("/", r'["\ud83d\ude00", "é"]', content_type="application/json")
    assert UnicodeJSONParser().parse(stream, parser_context={}) == ["😀", "é"]


@pytest.mark.django_db
def test_the_api_says_so(editor, workspace):
    client = APIClient()
    client.force_authenticate(editor)
    answer = client.generic(
        "POST", "/api/v1/datasets/", r'{"name": "\ud800"}', content_type="application/json"
    )
    assert (answer.status_code, "surrogate" in answer.json()["detail"]) == (400, True)
