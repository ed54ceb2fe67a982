"""Goes one of several ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicCondition
from apps.workflows.dsl.nodetype import Output, Port
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result

THEN = "then"
ELSE = "else"
_RESERVED = frozenset({THEN, ELSE, "error"})

CaseId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$")]


class Case(NodeConfig):
    """A way, and when it is taken."""

    id: CaseId = Field(title=_("Id"), description=_("The port by which the run goes on."))
    title: str = Field("", max_length=200, title=_("Title"))
    when: DynamicCondition = Field(title=_("When"), json_schema_extra={"x-widget": "condition"})


class IfElseConfig(NodeConfig):
    """One condition with two ways out, or any number of cases of which the first that holds is taken."""

    when: DynamicCondition | None = Field(
        None,
        title=_("When"),
        description=_("Goes on by “then” when it holds. Leave empty to use cases."),
        json_schema_extra={"x-widget": "condition"},
    )
    cases: list[Case] = Field(
        default_factory=list,
        max_length=100,
        title=_("Cases"),
        description=_("The first that holds names the port. When none does, it is “else”."),
        json_schema_extra={"x-widget": "cases"},
    )


class IfElseNode(Node[IfElseConfig]):
    """Chooses a way by conditions."""

    type = "if_else"
    title = _("If / else")
    description = _("Goes on by the first case whose condition holds, else by “else”.")
    group = "logic"
    icon = "alt_route"
    Config = IfElseConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """One for each case, and one for none of them."""
        first = (Port(THEN, _("Then")),) if config.when is not None else ()
        return (*first, *(Port(case.id, case.title) for case in config.cases), Port(ELSE, _("Else")))

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """Which case it was."""
        return {"case": Output("string", _("The port that was taken"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """No condition at all; ids that are taken."""
        if config.when is None and not config.cases:
            yield "cases", Sentence(_("There is no condition."))
        taken = set(_RESERVED)
        for index, case in enumerate(config.cases):
            if case.id in taken:
                yield f"cases[{index}].id", Sentence(_("The id {id} is taken."), id=case.id)
            taken.add(case.id)

    def run(self, ctx: NodeContext, config: IfElseConfig) -> Result:
        """Take the first way whose condition holds."""
        port = THEN if config.when else next((case.id for case in config.cases if case.when), ELSE)
        return Result({"case": port}, port)
