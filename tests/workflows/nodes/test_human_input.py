"""Forms for people."""

from __future__ import annotations

import json

import pytest

from apps.workflows.engine.node import Result, Wait
from apps.workflows.nodes.support import forms
from tests.workflows.nodes.harness import Bench

FORM = {
    "title": "Trip",
    "content": "To **Oslo**: [[reason]] ([[days]])",
    "fields": [
        {"name": "reason", "type": "paragraph", "label": "Why", "max_length": 20},
        {"name": "days", "type": "integer", "min": 1, "max": 9, "default": 2},
        {
            "name": "class_",
            "type": "select",
            "options": ["eco", {"value": "biz", "label": "Business"}],
            "required": False,
        },
        {
            "name": "extras",
            "type": "multi_select",
            "options": ["wifi", "meal"],
            "required": False,
            "max_items": 1,
        },
        {"name": "urgent", "type": "checkbox", "required": False},
        {"name": "on", "type": "date", "required": False},
        {
            "name": "ticket",
            "type": "file",
            "required": False,
            "file_extensions": ["pdf"],
            "upload_methods": ["upload"],
        },
        {"name": "photos", "type": "files", "required": False, "file_kinds": ["image"], "max_items": 2},
    ],
    "actions": [
        {"id": "book", "title": "Book it", "style": "primary"},
        {"id": "cancel", "validates": False},
    ],
    "answer_within_s": 60,
    "assignees": {"roles": ["editor"], "users": ["a@b.org; c@d.org", "a@b.org"]},
    "delivery": {"email": {"to": ["x@y.org,z@y.org"], "body": "Please: [[url]]"}},
}
PDF = {"id": "1", "name": "t.pdf", "content_type": "application/pdf", "size": 1, "url": "/x"}
PNG = {"id": "", "name": "p.png", "content_type": "image/png", "size": 1, "url": "https://example.org/p.png"}
GOOD = {"reason": "Talk", "days": "3"}


@pytest.fixture
def node() -> Bench:
    return Bench("human_input")


@pytest.fixture
async def wait(node) -> Wait:
    found = await node.run(**FORM)
    assert isinstance(found, Wait)
    return found


async def test_shows_a_form(node, wait):
    payload = json.loads(json.dumps(wait.payload))
    assert (wait.kind, wait.timeout_s, payload["title"]) == ("human_input", 60, "Trip")
    properties = payload["form"]["properties"]
    assert list(properties) == ["reason", "days", "class_", "extras", "urgent", "on", "ticket", "photos"]
    assert payload["form"]["required"] == ["reason", "days"]
    assert properties["reason"] == {
        "type": "string", "maxLength": 20, "minLength": 1, "x-widget": "paragraph", "title": "Why",
    }  # fmt: skip
    assert (properties["days"]["default"], properties["days"]["maximum"]) == (2, 9)
    assert properties["class_"]["oneOf"] == [
        {"const": "eco", "title": "eco"},
        {"const": "biz", "title": "Business"},
    ]
    assert properties["ticket"]["x-file"] == {"kinds": [], "extensions": ["pdf"], "methods": ["upload"]}
    assert [action["title"] for action in payload["actions"]] == ["Book it", "Cancel"]
    assert payload["assignees"] == {"roles": ["editor"], "users": ["a@b.org", "c@d.org"]}
    assert payload["delivery"]["email"] == {
        "to": ["x@y.org", "z@y.org"],
        "subject": "Trip",
        "body": "Please: [[url]]",
    }
    assert (payload["attempt"], payload["errors"]) == (1, {})


async def test_goes_on_by_the_action_with_the_values_in_their_types(node, wait):
    values = {**GOOD, "class_": "Business", "extras": "wifi", "urgent": "yes", "ticket": PDF, "photos": [PNG]}
    answer = {"action": "book", "values": values, "by": {"id": "7", "name": "Ann"}}
    outcome = await node.resume(wait, answer, **FORM)
    assert isinstance(outcome, Result)
    assert outcome.port == "book"
    assert outcome.outputs == {
        "reason": "Talk", "days": 3, "class_": "biz", "extras": ["wifi"], "urgent": True, "on": None,
        "ticket": PDF, "photos": [PNG], "action": "book", "action_title": "Book it",
        "rendered_content": "To **Oslo**: Talk (3)", "answered_by": "Ann", "timed_out": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({}, "reason", "must be filled in."),
        ({"reason": " "}, "reason", "must be filled in."),
        ({"reason": "x" * 21}, "reason", "may have at most 20 characters, not 21."),
        ({"days": 10}, "days", "must be at most 9, not 10."),
        ({"days": "many"}, "days", "must be a whole number, not “many”."),
        ({"class_": "first"}, "class_", "“first” is none of the options."),
        ({"extras": ["wifi", "meal"]}, "extras", "may have at most 1 items, not 2."),
        ({"extras": ["sauna"]}, "extras", "“sauna” is none of the options."),
        ({"urgent": "perhaps"}, "urgent", "must be true or false, not “perhaps”."),
        ({"on": "tomorrow"}, "on", "is no valid date: “tomorrow”."),
        ({"ticket": "t.pdf"}, "ticket", "must be a file."),
        ({"ticket": {**PDF, "name": "t.exe"}}, "ticket", "may only be: pdf."),
        ({"ticket": {**PDF, "id": ""}}, "ticket", "must be uploaded."),
        ({"photos": [PDF]}, "photos", "may only be: image."),
        ({"photos": [PNG, PNG, PNG]}, "photos", "may have at most 2 items, not 3."),
    ],
)
async def test_a_wrong_form_is_shown_again(node, wait, values, field, sentence):
    complete = {"reason": "Talk", "days": 1, **values} if values else {"days": 1}
    answer = {"action": "book", "values": complete}
    assert forms.check_answer(wait.payload, answer) == {field: sentence}
    again = await node.resume(wait, answer, **FORM)
    assert isinstance(again, Wait)
    assert (again.payload["errors"], again.payload["attempt"]) == ({field: sentence}, 2)
    assert again.payload["form"]["properties"]["days"]["default"] == complete["days"]
    done = await node.resume(again, {"action": "book", "values": GOOD}, **FORM)
    assert done.port == "book"


async def test_an_action_must_be_chosen(node, wait):
    for answer in ({}, {"action": "fly"}, {"values": GOOD}, {"values": "x", "action": None}):
        assert forms.check_answer(wait.payload, answer) == {"": "Choose one of: book, cancel."}


async def test_some_actions_take_the_form_as_it_is(node, wait):
    outcome = await node.resume(wait, {"action": "cancel", "values": {"days": 100}}, **FORM)
    assert (outcome.port, outcome.outputs["days"], outcome.outputs["reason"]) == ("cancel", 100, None)


async def test_nobody_answers(node, wait):
    assert forms.check_answer(wait.payload, {"timeout": True}) == {}
    outcome = await node.resume(wait, {"timeout": True}, **FORM)
    assert (outcome.port, outcome.outputs["timed_out"], outcome.outputs["reason"]) == ("timeout", True, None)
    assert outcome.outputs["rendered_content"] == "To **Oslo**:  ()"


async def test_it_may_wait_for_ever(node):
    wait = await node.run(content="Ready?")
    assert wait.timeout_s is None
    assert [port.name for port in node.type.ports(node.config(content=""))] == ["submit"]
    outcome = await node.resume(wait, {"values": {}}, content="Ready?")
    assert outcome.port == "submit"


async def test_options_may_come_from_a_variable(node):
    fields = [{"name": "one", "type": "select", "options": [{"id": 3, "name": "x"}, 4, None, "4"]}]
    wait = await node.run(fields=fields)
    assert wait.payload["form"]["properties"]["one"]["oneOf"] == [
        {"const": "3", "title": "3"},
        {"const": "4", "title": "4"},
    ]


def test_problems(node):
    found = node.problems(
        content="[[nobody]]",
        fields=[
            {"name": "action"},
            {"name": "a", "type": "select"},
            {"name": "a", "min": 2, "max": 1},
            {"name": "b", "pattern": "("},
        ],
        actions=[{"id": "x"}, {"id": "x"}, {"id": "timeout"}, {"id": "y", "requires": ["z"]}],
    )
    assert set(found) == {
        "fields[0].name", "fields[1].options", "fields[2].name", "fields[2].max", "fields[3].pattern", "content",
        "actions[1].id", "actions[2].id", "actions[3].requires",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b", "b"),
        (" Beta. ", "b"),
        ("BETA", "b"),
        ("2", "b"),
        ("3", "3"),
        ("0", "0"),
        ("no", "no"),
        ("１", "a"),
        ("²", "²"),
        ("1" * 5_000, "1" * 5_000),
    ],
)
def test_what_people_write_for_an_option(text, expected):
    options = [{"const": "a", "title": "Alpha"}, {"const": "b", "title": "Beta"}]
    assert forms.chosen(text, options) == expected
