"""Python or JavaScript of the author's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn

from django.utils.translation import gettext_noop as _
from pydantic import Field, field_validator

from apps.workflows.dsl.dynamic import DynamicAny
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.engine.ports import CodeResult
from apps.workflows.nodes.support import documents
from apps.workflows.nodes.support.code_outputs import CodeOutput, check_outputs, short_form
from apps.workflows.nodes.support.ports import need

_EXAMPLE = 'def main(text: str) -> dict:\n    return {"result": text.upper()}\n'
#: Printed text is shown up to this length; the sandbox has a limit of its own.
_SHOWN_CHARS = 20_000
#: What the node itself leaves behind when files are collected.
_FILES = "files"


class CodeConfig(NodeConfig):
    """The code with its inputs and outputs."""

    language: Literal["python", "javascript"] = Field(
        "python", title=_("Language"), json_schema_extra={"x-widget": "select"}
    )
    code: str = Field(
        _EXAMPLE,
        max_length=256 * 1024,
        title=_("Code"),
        description=_(
            "A function main that takes the inputs by name and returns an object with the outputs."
        ),
        json_schema_extra={"x-widget": "code", "x-language": "language"},
    )
    inputs: dict[str, DynamicAny] = Field(
        default_factory=dict,
        title=_("Inputs"),
        description=_("Arguments of main."),
        json_schema_extra={"x-widget": "variables"},
    )
    outputs: dict[str, CodeOutput] = Field(
        default_factory=lambda: {"result": CodeOutput(type="string")},
        title=_("Outputs"),
        description=_("What main returns, with types. A result that does not fit is an error."),
        json_schema_extra={"x-widget": "outputs"},
    )
    files: DynamicAny = Field(
        None,
        title=_("Files"),
        description=_("One or several files that the code can open by their names."),
        json_schema_extra={"x-advanced": True, "x-widget": "reference"},
    )
    collect_files: bool = Field(
        False,
        title=_("Collect files"),
        description=_("Files that the code writes become the output “files”, within the workspace's limit."),
        json_schema_extra={"x-advanced": True},
    )
    timeout: float | None = Field(
        None,
        gt=0,
        le=600,
        title=_("Seconds"),
        description=_("Empty: what the workspace allows."),
        json_schema_extra={"x-advanced": True},
    )

    @field_validator("outputs", mode="before")
    @classmethod
    def _accept_types(cls, value: Any) -> Any:
        """``result: string`` is short for ``result: {type: string}``."""
        return short_form(value)


class CodeNode(Node[CodeConfig]):
    """Runs code in the sandbox."""

    type = "code"
    title = _("Code")
    description = _("Runs Python or JavaScript in a sandbox.")
    group = "transform"
    icon = "code"
    Config = CodeConfig
    effects = True  # code may reach hosts, and a sandbox that was busy deserves another try

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """As declared."""
        found = {
            name: Output(output.type, output.title, output.schema_of())
            for name, output in config.outputs.items()
        }
        if config.collect_files:
            found[_FILES] = Output("array[file]", _("The files that the code wrote"))
        return found

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Missing code, names that are none, a name used twice."""
        if not config.code.strip():
            yield "code", Sentence(_("There is no code."))
        for name in config.inputs:
            if not name.isidentifier():
                yield f"inputs.{name}", Sentence(_("This can't be the name of an argument."))
        if config.collect_files and _FILES in config.outputs:
            yield f"outputs.{_FILES}", Sentence(_("This name is taken by the files that are collected."))

    async def run(self, ctx: NodeContext, config: CodeConfig) -> Result:
        """Run it. Raises `NodeError` (sandbox_*, result_mismatch), with the line where there is one."""
        port = need(ctx.ports.code, "Code")
        files = await _read_files(ctx, config.files)
        try:
            made = await port.run(
                config.language, config.code, config.inputs, files=files, timeout_s=config.timeout
            )
        except NodeError as error:
            _fail(ctx, error)
        _log_printed(ctx, made.stdout, made.stderr)
        outputs = check_outputs(made.value, config.outputs)
        if config.collect_files:
            outputs[_FILES] = await _save_files(ctx, made)
        return Result(outputs)


def _fail(ctx: NodeContext, error: NodeError) -> NoReturn:
    """Say the line in the sentence; what was printed goes to the log, not into the error."""
    details = dict(error.details)
    _log_printed(ctx, str(details.pop("stdout", "") or ""), str(details.pop("stderr", "") or ""))
    line = details.get("line")
    sentence = f"Line {line}: {error.message}" if line else error.message
    raise NodeError(sentence, code=error.code, retryable=error.retryable, details=details) from error


def _log_printed(ctx: NodeContext, stdout: str, stderr: str) -> None:
    for name, text in (("stdout", stdout), ("stderr", stderr)):
        if text:
            ctx.log(name, {"text": text[:_SHOWN_CHARS], "cut": len(text) > _SHOWN_CHARS})


async def _read_files(ctx: NodeContext, value: Any) -> dict[str, bytes]:
    if value is None:
        return {}
    port = need(ctx.ports.files, "Files")
    found: dict[str, bytes] = {}
    for file in documents.files_in(value):
        name = documents.name_of(file)
        if name in found:
            raise NodeError(f"Two files are called “{name}”.", code="duplicate_file")
        found[name] = await port.read(file)
    return found


async def _save_files(ctx: NodeContext, made: CodeResult) -> list[dict[str, Any]]:
    if not made.files:
        return []
    port = need(ctx.ports.files, "Files")
    return [
        await port.save(
            name, documents.content_type(name), content, key=f"{ctx.idempotency_key}:{name}"[:200]
        )
        for name, content in sorted(made.files.items())
    ]
