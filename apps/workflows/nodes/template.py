"""Text from a template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl import types
from apps.workflows.dsl.dynamic import Dynamic, DynamicAny
from apps.workflows.dsl.errors import LanguageError
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result


class TemplateConfig(NodeConfig):
    """A Jinja2 template, and names for values in it."""

    template: Annotated[str, Dynamic("string", names="variables")] = Field(
        title=_("Template"),
        description=_("Jinja2: {{ name }}, {% if %}, {% for %}, filters. Names of nodes work as everywhere."),
        json_schema_extra={"x-widget": "template"},
    )
    variables: dict[str, DynamicAny] = Field(
        default_factory=dict,
        title=_("Variables"),
        description=_("Short names for values, for this template only."),
        json_schema_extra={"x-widget": "variables"},
    )
    max_chars: int = Field(
        400_000,
        ge=1,
        le=5_000_000,
        title=_("Longest text"),
        description=_("In characters. A longer text is an error."),
        json_schema_extra={"x-advanced": True},
    )


class TemplateNode(Node[TemplateConfig]):
    """Fills a template."""

    type = "template"
    title = _("Template")
    description = _("Writes a text from a template and the values of earlier nodes.")
    group = "transform"
    icon = "article"
    Config = TemplateConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The text."""
        return {"output": Output("string", _("The text"))}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Names that are none; what can't be read of the template is found with all the others."""
        for name in config.variables:
            if not name.isidentifier():
                yield f"variables.{name}", Sentence(_("This can't be the name of a variable."))

    def run(self, ctx: NodeContext, config: TemplateConfig) -> Result:
        """Render. Raises `NodeError` (template_failed, template_syntax, text_too_long)."""
        try:
            text = ctx.render(types.text(config.template), config.variables)
        except LanguageError as error:
            raise NodeError(error.message, code=error.code) from error
        if len(text) > config.max_chars:
            raise NodeError(
                f"The text has {len(text):,} characters; {config.max_chars:,} are allowed.",
                code="text_too_long",
            )
        return Result({"output": text})
