"""A form for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import DynamicText
from apps.workflows.dsl.nodetype import Output, Port
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.node import Node, NodeContext, Outcome, Result, Wait
from apps.workflows.nodes.support import forms, people
from apps.workflows.nodes.support.forms import Action, FormField
from apps.workflows.nodes.support.people import WaitingConfig

_PLACE = re.compile(r"\[\[\s*([A-Za-z_][A-Za-z0-9_]*)\s*\]\]")
#: Outputs of the node's own, which fields can't be called.
_OWN = ("action", "action_title", "rendered_content", "answered_by", "timed_out")


class HumanInputConfig(WaitingConfig):
    """The form, and the ways to send it."""

    title: DynamicText = Field("", title=_("Title"))
    content: DynamicText = Field(
        "",
        title=_("Content"),
        description=_("Markdown with variables. [[name]] places a field; the others come after it."),
        json_schema_extra={"x-widget": "markdown"},
    )
    fields: list[FormField] = Field(
        default_factory=list, title=_("Fields"), json_schema_extra={"x-widget": "fields"}
    )
    actions: list[Action] = Field(
        default_factory=lambda: [Action(id="submit", title="Submit", style="primary")],
        min_length=1,
        max_length=20,
        title=_("Actions"),
        description=_("Each is a button and a port."),
    )


class HumanInputNode(Node[HumanInputConfig]):
    """Waits for a form to be filled in."""

    type = "human_input"
    title = _("Form")
    description = _("Shows people a form and goes on with what they enter, by the button they choose.")
    group = "people"
    icon = "edit_note"
    Config = HumanInputConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """One for each action, and one for nobody having answered."""
        actions = tuple(Port(action.id, action.title) for action in config.actions)
        return actions + people.timeout_ports(config)

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The fields, and what happened to the form."""
        fields = {field.name: Output(forms.type_of(field), _literal(field.label)) for field in config.fields}
        return {
            **fields,
            "action": Output("string", _("Id of the chosen action")),
            "action_title": Output("string", _("Title of the chosen action")),
            "rendered_content": Output("string", _("The content with what was entered")),
            **people.ANSWER_OUTPUTS,
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Fields and actions that clash, places without a field."""
        yield from forms.field_problems(config.fields)
        names = {field.name for field in config.fields}
        for index, field in enumerate(config.fields):
            if field.name in _OWN:
                yield (
                    f"fields[{index}].name",
                    Sentence(_("The node has an output “{name}” of its own."), name=field.name),
                )
        yield from _action_problems(config.actions, names)
        for name in dict.fromkeys(_PLACE.findall(config.content) if isinstance(config.content, str) else ()):
            if name not in names:
                yield "content", Sentence(_("There is no field “{name}”."), name=name)

    def run(self, ctx: NodeContext, config: HumanInputConfig) -> Outcome:
        """Show the form."""
        return _ask(config, {"attempt": 1, "content": config.content})

    def resume(
        self, ctx: NodeContext, config: HumanInputConfig, state: dict[str, Any], answer: dict[str, Any]
    ) -> Outcome:
        """Take the answer, or show the form again with what is wrong."""
        if answer.get("timeout") is True:
            empty = {field.name: None for field in config.fields}
            content = str(state.get("content", config.content))
            return people.timed_out(
                {
                    **empty,
                    "action": people.TIMEOUT,
                    "action_title": "",
                    "rendered_content": _rendered(content, {}),
                }
            )
        wait = _ask(config, {**state, "attempt": int(state.get("attempt", 1)) + 1})
        errors = forms.check_answer(wait.payload, answer)
        action_id, values = forms.read_answer(wait.payload, answer)
        if errors:
            wait.payload["errors"] = errors
            wait.payload["form"] = _filled(wait.payload["form"], values)
            return wait
        return _result(
            config, action_id, values, str(state.get("content", config.content)), people.who(answer)
        )


def _ask(config: HumanInputConfig, state: dict[str, Any]) -> Wait:
    return people.wait(
        "human_input",
        config,
        title=config.title,
        content=str(state["content"]),
        form=forms.form_schema(config.fields),
        actions=config.actions,
        state=state,
    )


def _filled(form: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The form with what was entered, so that nobody has to enter it twice."""
    properties = {
        name: {**schema, "default": values[name]} if name in values else schema
        for name, schema in form["properties"].items()
    }
    return {**form, "properties": properties}


def _result(
    config: HumanInputConfig, action_id: str, values: Mapping[str, Any], content: str, by: str
) -> Result:
    action = next(action for action in config.actions if action.id == action_id)
    entered = {field.name: values.get(field.name) for field in config.fields}
    return Result(
        {
            **entered,
            "action": action.id,
            "action_title": action.title,
            "rendered_content": _rendered(content, entered),
            "answered_by": by,
            "timed_out": False,
        },
        action.id,
    )


def _rendered(content: str, values: Mapping[str, Any]) -> str:
    """The content with the values where the fields stood."""
    return _PLACE.sub(lambda place: _shown(values.get(place[1])), content)


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "name" in value:
        return str(value["name"])
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return types.text(value)


def _action_problems(actions: Iterable[Action], names: set[str]) -> Iterable[tuple[str, Text]]:
    seen: set[str] = set()
    for index, action in enumerate(actions):
        if action.id in people.RESERVED:
            yield f"actions[{index}].id", Sentence(_("“{id}” is the name of another port."), id=action.id)
        if action.id in seen:
            yield f"actions[{index}].id", Sentence(_("Two actions have the id “{id}”."), id=action.id)
        seen.add(action.id)
        for name in action.requires:
            if name not in names:
                yield f"actions[{index}].requires", Sentence(_("There is no field “{name}”."), name=name)


def _literal(value: Any) -> str:
    """A label as a title, unless only the run knows it."""
    return value if isinstance(value, str) and "{{" not in value and not value.startswith("$.") else ""
