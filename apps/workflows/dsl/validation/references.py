"""Whether what a reference reads exists, can have been set before, and what type it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.workflows.dsl import types
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.references import Reference, Step
from apps.workflows.dsl.scope import ITEM
from apps.workflows.dsl.sentences import Sentence, _
from apps.workflows.dsl.validation.graph import inside
from apps.workflows.dsl.validation.model import ERROR_OUTPUTS, OPEN, Level, Model, NodeInfo
from apps.workflows.dsl.validation.report import suggestion

#: What every run knows, and what only the run of a chatflow does.
SYS: Mapping[str, Output] = {
    "files": Output("array[file]"),
    "user_id": Output("string"),
    "workflow_id": Output("string"),
    "run_id": Output("string"),
    "timestamp": Output("integer"),
    "trigger": Output("any"),
}
CHAT_SYS: Mapping[str, Output] = {
    "query": Output("string"),
    "conversation_id": Output("string"),
    "dialogue_count": Output("integer"),
}
_JSON_TYPES = {
    "string": "string",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "object": "object",
    "null": "any",
}


class Reader:
    """Looks references up in one document."""

    def __init__(self, model: Model) -> None:
        self._model = model
        variables = model.document.variables
        self._env = {variable.name: Output(variable.type) for variable in variables.environment}
        self._conversation = {variable.name: Output(variable.type) for variable in variables.conversation}
        self._sys = {**SYS, **CHAT_SYS} if model.chat else dict(SYS)

    def check(self, info: NodeInfo, reference: Reference, place: str, *, body: bool) -> str | None:
        """Report what is wrong with a reference of a node; the type of what it reads, None when it can't be said.

        With `body`, it is read inside the node's own body.
        """
        for root in sorted(reference.roots - {reference.root, ITEM}):
            self._outputs(info, root, reference, place, body)
        if reference.root == ITEM:
            return None
        outputs = self._outputs(info, reference.root, reference, place, body)
        if outputs is None:
            return None
        found = self._follow(info, reference, outputs, place)
        return found if reference.plain else (found and "array[any]")

    def check_target(self, info: NodeInfo, reference: Reference, place: str) -> None:
        """Report what is wrong with a variable that a node writes."""
        report, root = self._model.report, reference.root
        if not reference.plain or reference.output is None:
            report.error(
                "invalid_target", place, _("{reference} is no variable.", reference=reference.text), info.id
            )
            return
        known: Mapping[str, Output] | None = None
        if root == "conversation":
            known = self._conversation if self._model.chat else None
        else:
            around = self._model.by_id.get(root)
            if around is not None and inside(info, around):
                known = around.body_outputs
        if known is None:
            report.error(
                "invalid_target",
                place,
                _(
                    "{reference} can't be written: only conversation variables of a chatflow, and variables of a"
                    " loop around the node.",
                    reference=reference.text,
                ),
                info.id,
            )
        elif reference.output not in known and OPEN not in known:
            report.error(
                "unknown_variable",
                place,
                _(
                    "There is no variable $.{root}.{name}.{hint}",
                    root=root,
                    name=reference.output,
                    hint=suggestion(reference.output, known),
                ),
                info.id,
                name=reference.output,
            )

    def _outputs(
        self, info: NodeInfo, root: str, reference: Reference, place: str, body: bool
    ) -> Mapping[str, Output] | None:
        """What can be read under a first name; None when it can't be said, or was reported."""
        if root == "sys":
            return self._sys
        if root == "env":
            return self._env
        if root == "conversation":
            return self._conversation_outputs(info, place)
        if root == "inputs":
            start = self._model.start
            return None if start is None else start.outputs
        if body and root == info.id:
            return info.body_outputs
        level = info.body if body and info.body is not None else info.level
        return self._node_outputs(info, level, root, reference, place, free=body)

    def _conversation_outputs(self, info: NodeInfo, place: str) -> Mapping[str, Output] | None:
        if self._model.chat:
            return self._conversation
        self._model.report.error(
            "conversation_in_workflow",
            place,
            _("Only a chatflow has conversation variables; this is a workflow."),
            info.id,
        )
        return None

    def _node_outputs(
        self, info: NodeInfo, level: Level, root: str, reference: Reference, place: str, free: bool
    ) -> Mapping[str, Output] | None:
        """Look for a node on the level and those around it. free: all of this level has run."""
        anchor: NodeInfo | None = None if free else info
        at: Level | None = level
        while at is not None:
            found = at.by_id.get(root)
            if found is not None and found is not anchor:
                if anchor is not None:
                    self._check_before(info, anchor, found, reference, place)
                return found.outputs
            if found is not None:
                return self._self_outputs(info, found, reference, place)
            container = at.container
            if container is None:
                break
            if container.id == root:
                return container.body_outputs
            anchor, at = container, container.level
        self._report_unknown(info, root, reference, place)
        return None

    def _self_outputs(
        self, info: NodeInfo, found: NodeInfo, reference: Reference, place: str
    ) -> Mapping[str, Output] | None:
        self._model.report.error(
            "reference_to_itself",
            place,
            _("{reference} reads the node itself, which has not run yet.", reference=reference.text),
            info.id,
        )
        return None

    def _check_before(
        self, info: NodeInfo, anchor: NodeInfo, found: NodeInfo, reference: Reference, place: str
    ) -> None:
        """Whether `found` can have run when `anchor` (the node, or the container it stands in) does."""
        level = anchor.level
        before = level.before.get(anchor.index)
        if before is None or before >> found.index & 1 or found.index not in level.before:
            return
        if level.exclusive(anchor.index, found.index):
            self._model.report.warning(
                "reference_excluded",
                place,
                _(
                    "{reference} never has a value here: {source!r} and {target!r} are on different branches.",
                    reference=reference.text,
                    source=found.id,
                    target=anchor.id,
                ),
                info.id,
                target=found.id,
            )
        else:
            self._model.report.error(
                "reference_not_upstream",
                place,
                _(
                    "{reference} can't be read here: no way leads from {source!r} to {target!r}.",
                    reference=reference.text,
                    source=found.id,
                    target=anchor.id,
                ),
                info.id,
                target=found.id,
            )

    def _report_unknown(self, info: NodeInfo, root: str, reference: Reference, place: str) -> None:
        elsewhere = self._model.by_id.get(root)
        if elsewhere is not None and elsewhere.level.container is not None:
            container = elsewhere.level.container.id
            self._model.report.error(
                "reference_into_body",
                place,
                _(
                    "{reference} reaches into the body of {container!r}; read an output of {container!r} instead.",
                    reference=reference.text,
                    container=container,
                ),
                info.id,
                target=root,
            )
            return
        hint = suggestion(root, self._model.by_id)
        self._model.report.error(
            "unknown_node",
            place,
            _(
                "{reference}: there is no node {root!r}.{hint}",
                reference=reference.text,
                root=root,
                hint=hint,
            ),
            info.id,
            target=root,
        )

    def _follow(
        self, info: NodeInfo, reference: Reference, outputs: Mapping[str, Output], place: str
    ) -> str | None:
        """The type at the end of the path."""
        if not reference.path:
            return "object"
        first = reference.path[0]
        output = outputs.get(first) if isinstance(first, str) else None
        if output is None:
            if OPEN in outputs:
                return "any"
            self._report_output(info, reference, outputs, place)
            return None
        type_, schema = output.type, output.schema
        for position, step in enumerate(reference.path[1:], 1):
            stepped = _step(type_, schema, step)
            if isinstance(stepped, Sentence):
                shown = f"$.{reference.root}" + "".join(map(_shown, reference.path[:position]))
                self._model.report.error(
                    "path_unknown",
                    place,
                    _(
                        "{reference}: {shown} {stepped}",
                        reference=reference.text,
                        shown=shown,
                        stepped=stepped,
                    ),
                    info.id,
                    path=reference.text,
                )
                return None
            type_, schema = stepped
        return type_

    def _report_output(
        self, info: NodeInfo, reference: Reference, outputs: Mapping[str, Output], place: str
    ) -> None:
        name, root = reference.path[0], reference.root
        report = self._model.report
        if root == "sys" and name in CHAT_SYS:
            report.error(
                "sys_in_workflow",
                place,
                _("{reference} exists only in a chatflow; this is a workflow.", reference=reference.text),
                info.id,
            )
            return
        hint = suggestion(str(name), outputs)
        if root in {"sys", "env", "conversation"}:
            report.error(
                "unknown_variable",
                place,
                _("There is no variable $.{root}.{name}.{hint}", root=root, name=name, hint=hint),
                info.id,
                name=str(name),
            )
        elif root == "inputs":
            report.error(
                "unknown_input",
                place,
                _("The workflow has no input {name!r}.{hint}", name=name, hint=hint),
                info.id,
                name=str(name),
            )
        elif name in ERROR_OUTPUTS:
            sentence = _(
                "{root!r} has no output {name!r} unless on_error.strategy is default or branch.",
                root=root,
                name=name,
            )
            report.error("unknown_output", place, sentence, info.id, name=str(name), target=root)
        else:
            report.error(
                "unknown_output",
                place,
                _("{root!r} has no output {name!r}.{hint}", root=root, name=name, hint=hint),
                info.id,
                name=str(name),
                target=root,
            )


def _shown(step: Step) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


_Typed = tuple[str, Mapping[str, Any] | None]


def _step(type_: str, schema: Mapping[str, Any] | None, step: Step) -> _Typed | Sentence:
    """The type one step further, or what is wrong with the step."""
    element = types.element_type(type_)
    if type_ == "any":
        return "any", None
    if element is not None:
        if isinstance(step, int):
            items = schema.get("items") if schema else None
            return _of_schema(items, element)
        return _("is a list: take an item by [0], or all by [*], before {step!r}.", step=step)
    if type_ not in {"object", "file"}:
        return _("is {type} and has no parts.", type=types.named(type_))
    if isinstance(step, int):
        return _("is {type} and has no positions.", type=types.named(type_))
    properties = schema.get("properties") if schema else None
    if not isinstance(properties, Mapping):
        return "any", None
    if step in properties:
        return _of_schema(properties[step], "any")
    if schema and schema.get("additionalProperties") is False:
        return _("has no {step!r}.{hint}", step=step, hint=suggestion(step, properties))
    return "any", None


def _of_schema(schema: Any, otherwise: str) -> _Typed:
    """The type that a JSON Schema describes."""
    if not isinstance(schema, Mapping):
        return otherwise, None
    named = schema.get("type")
    if named == "array":
        items = schema.get("items")
        inner = _of_schema(items, "any")[0] if isinstance(items, Mapping) else "any"
        return (f"array[{inner}]" if inner in types.ELEMENTS else "array[any]"), schema
    found = _JSON_TYPES.get(named) if isinstance(named, str) else None
    return (found or otherwise), schema
