"""Personal data that must not be stored."""

import time
import uuid

import pytest

from apps.core.actors import Actor
from apps.core.exceptions import NotAllowed
from apps.tracing.exceptions import InvalidMask
from apps.tracing.ingest import prepare
from apps.tracing.mapping import SpanEvent, SpanRecord
from apps.tracing.masking import Masker, PatternError, compile_mask, current_masks, masks
from apps.tracing.models import MaskingRule
from apps.tracing.services.masking_rule import MaskValues, create_masking_rule

LIST = "/admin/tracing/maskingrule/"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("email", "Write to ann.b+c@mail.example.co.uk!", "Write to [email]!"),
        ("phone", "Call +44 20 7946 0958 or 13812345678.", "Call [phone] or [phone]."),
        ("card", "4111 1111 1111 1111 and 4111 1111 1111 1112", "[card] and 4111 1111 1111 1112"),
        ("ip", "from 10.1.2.3 and 2001:db8:0:0:0:0:2:1", "from [ip] and [ip]"),
        ("iban", "DE89 3704 0044 0532 0130 00 please", "[iban] please"),
        ("identity", "身份证11010519491231002X。", "身份证[identity]。"),
        ("secret", "key sk-abcdefghijklmnop1234", "key [secret]"),
        ("email", "no address @ all", "no address @ all"),
        ("ip", "version 1.2.3.4.5", "version 1.2.3.4.5"),
    ],
)
def test_what_is_personal_is_replaced(kind, text, expected):
    assert compile_mask(kind, "", "").apply(text) == expected


def test_every_text_of_a_span_is_masked():
    record = SpanRecord(
        trace_id="1" * 32, span_id="2" * 16, parent_id="", name="for a@b.io", start_ns=1, end_ns=2,
        status_message="a@b.io", attributes={"s": "a@b.io", "l": ["a@b.io", 1], "m": {"k": "a@b.io"}, "b": b"a@b.io"},
        events=[SpanEvent("e a@b.io", 1, {"k": "a@b.io"})], resource={"service.name": "of a@b.io"},
    )  # fmt: skip
    found = Masker([compile_mask("email", "", "X")]).mask(record)
    assert "a@b.io" not in repr(found)
    assert found.resource == {"service.name": "of X"}
    assert found.attributes == {"s": "X", "l": ["X", 1], "m": {"k": "X"}, "b": "X"}


def test_what_conventions_name_keeps_its_name():
    events = [SpanEvent(name, 1, {}) for name in ("gen_ai.user.message", "exception", "user came")]
    record = SpanRecord("1" * 32, "2" * 16, "", "n", 1, 2, events=events)
    found = Masker([compile_mask("pattern", "user|exception", "X")]).mask(record)
    assert [event.name for event in found.events] == ["gen_ai.user.message", "exception", "X came"]


def test_what_spans_share_is_masked_once():
    resource = {"service.name": "a@b.io"}
    masker = Masker([compile_mask("email", "", "X")])
    one, other = (
        masker.mask(SpanRecord("1" * 32, f"{number}" * 16, "", "n", 1, 2, resource=resource))
        for number in (1, 2)
    )
    assert one.resource is other.resource


def test_a_pattern_that_takes_too_long_hides_the_value(monkeypatch):
    monkeypatch.setattr(masks, "PATIENCE_S", 0.02)
    mask = compile_mask("pattern", r"(?:a|a|aa)+b", "X")
    assert mask.apply("a" * 200 + "c") == masks.HIDDEN
    assert mask.apply("aab") == "X"


@pytest.mark.parametrize("pattern", ["(", "a*", ""])
def test_a_pattern_that_can_not_work_is_refused(pattern):
    with pytest.raises(PatternError):
        compile_mask("pattern", pattern, "")


def test_while_no_rule_is_known_everything_is_hidden(monkeypatch):
    import psycopg

    from apps.tracing.masking import current

    def away():
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(current, "connect", away)
    found = current.CurrentMasks().of(uuid.uuid4())
    assert any(mask.apply("a@b.io") == "[email]" for mask in found)


@pytest.mark.django_db(transaction=True)
def test_rules_count_for_the_spans_of_their_workspace(workspace, owner):
    create_masking_rule(
        actor=Actor.for_user(owner), workspace=workspace, values=MaskValues(name="mail", kind="email")
    )
    current_masks.forget()
    now = time.time_ns()
    record = SpanRecord("1" * 32, "2" * 16, "", "n", now, now, attributes={"flywheel.input": "a@b.io"})
    rejected = []
    assert prepare([record], workspace.pk, rejected)[0].input_preview == "[email]"
    assert prepare([record], uuid.uuid4(), rejected)[0].input_preview == "a@b.io"
    current_masks.forget()


@pytest.mark.django_db
class TestConsole:
    def test_an_owner_keeps_rules(self, console, owner, workspace):
        client = console(owner)
        values = {"name": "order", "kind": "pattern", "pattern": r"ORD-\d+", "enabled": "on"}
        assert client.post(f"{LIST}add/", values).status_code == 302
        rule = MaskingRule.objects.get(workspace=workspace)
        assert "ORD-" in client.get(LIST).content.decode()
        client.post(f"{LIST}{rule.pk}/change/", {**values, "replacement": "#"})
        rule.refresh_from_db()
        assert rule.replacement == "#"
        client.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"})
        assert not MaskingRule.objects.exists()

    @pytest.mark.parametrize(
        "values",
        [
            {"kind": "pattern"},
            {"kind": "email", "pattern": "x"},
            {"kind": "pattern", "pattern": "("},
            {"kind": "colour"},
        ],
    )
    def test_rules_that_can_not_work_are_refused(self, console, owner, values):
        response = console(owner).post(f"{LIST}add/", {"name": "x", **values})
        assert response.status_code == 200
        assert not MaskingRule.objects.exists()

    def test_an_editor_may_look(self, console, editor, workspace):
        client = console(editor)
        assert client.post(f"{LIST}add/", {"name": "x", "kind": "email"}).status_code == 403
        with pytest.raises(NotAllowed):
            create_masking_rule(
                actor=Actor.for_user(editor), workspace=workspace, values=MaskValues(name="x", kind="email")
            )

    def test_the_service_refuses_too(self, owner, workspace):
        with pytest.raises(InvalidMask):
            create_masking_rule(
                actor=Actor.for_user(owner), workspace=workspace, values=MaskValues(name="x", kind="pattern")
            )
