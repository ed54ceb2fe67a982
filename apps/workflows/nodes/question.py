"""A question to the person the run is for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.providers.wire import ChatMessage
from apps.workflows.dsl.dynamic import DynamicAny, DynamicText
from apps.workflows.dsl.nodetype import OUT, Output, Port
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Outcome, Result, Wait
from apps.workflows.nodes.support import extraction, forms, people
from apps.workflows.nodes.support.extraction import Extraction
from apps.workflows.nodes.support.forms import Action, FormField
from apps.workflows.nodes.support.models import ChatConfig
from apps.workflows.nodes.support.people import PORT_PATTERN, WaitingConfig

OTHER = "other"
_FIELD = "answer"
_CHOOSE = (
    "A person was asked a question with options and answered in words. Say which option the answer means: its id, or "
    "“other” when it means none of them."
)
AnswerFormat = Literal["text", "number", "integer", "yes_no", "date", "datetime", "email", "url"]
_FIELD_TYPES: dict[str, forms.FieldType] = {
    "text": "paragraph",
    "number": "number",
    "integer": "integer",
    "yes_no": "checkbox",
    "date": "date",
    "datetime": "datetime",
    "email": "email",
    "url": "url",
}
_OUTPUT_TYPES = {"number": "number", "integer": "integer", "yes_no": "boolean"}
#: Outputs of the node's own, which extracted fields can't be called.
_OWN = ("answer", "option_id", "option_text", "option_index", "attempts", "answered_by", "timed_out")


class Option(NodeConfig):
    """An answer to choose. Its id names the port by which the run goes on."""

    id: str = Field(pattern=PORT_PATTERN, title=_("Id"))
    text: DynamicText = Field("", title=_("Text"))


class Check(NodeConfig):
    """What a free answer must be."""

    format: AnswerFormat = Field("text", title=_("Format"))
    min_length: int | None = Field(None, ge=0, title=_("Shortest text"))
    max_length: int | None = Field(None, ge=1, le=100_000, title=_("Longest text"))
    min: float | None = Field(None, title=_("Smallest number"))
    max: float | None = Field(None, title=_("Largest number"))
    pattern: str = Field("", title=_("Pattern"), description=_("Regular expression that a text must match."))
    message: DynamicText = Field(
        "", title=_("When it is wrong"), description=_("Said with the question. Empty: what is wrong.")
    )


class QuestionConfig(WaitingConfig):
    """The question, and what counts as an answer."""

    question: DynamicText = Field(title=_("Question"), json_schema_extra={"x-widget": "textarea"})
    answer_type: Literal["text", "options"] = Field("text", title=_("Answer"))
    options: list[Option] = Field(
        default_factory=list,
        max_length=50,
        title=_("Options"),
        description=_("Each is a port, unless several may be chosen."),
        json_schema_extra={"x-when": {"answer_type": ["options"]}},
    )
    dynamic_options: DynamicAny = Field(
        None,
        title=_("Options from a variable"),
        description=_(
            "A list of texts, or of objects with value and label. All of them leave by the port “out”."
        ),
        json_schema_extra={"x-when": {"answer_type": ["options"]}, "x-widget": "reference"},
    )
    multiple: bool = Field(
        False, title=_("Several may be chosen"), json_schema_extra={"x-when": {"answer_type": ["options"]}}
    )
    allow_other: bool = Field(
        True,
        title=_("Other answers"),
        description=_(
            "An answer that is none of the options leaves by the port “other”; else it is asked again."
        ),
        json_schema_extra={"x-when": {"answer_type": ["options"]}},
    )
    match: ChatConfig | None = Field(
        None,
        title=_("Understand by a model"),
        description=_("A model says which option an answer in other words means."),
        json_schema_extra={"x-when": {"answer_type": ["options"]}, "x-advanced": True},
    )
    check: Check = Field(
        default_factory=Check,
        title=_("Check"),
        json_schema_extra={"x-when": {"answer_type": ["text"]}},
    )
    extract: Extraction | None = Field(
        None,
        title=_("Take fields out of the answer"),
        description=_("By a model. Required fields that are missing are asked for again."),
        json_schema_extra={"x-when": {"answer_type": ["text"]}},
    )
    attempts: int = Field(
        3, ge=1, le=20, title=_("Times to ask"), description=_("Afterwards the node fails.")
    )


class QuestionNode(Node[QuestionConfig]):
    """Asks, and waits for the answer."""

    type = "question"
    title = _("Question")
    description = _("Asks the person a question and goes on with the answer, or by the option they choose.")
    group = "people"
    icon = "contact_support"
    Config = QuestionConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        """One for each option, when they are known."""
        ports: tuple[Port, ...] = (Port(OUT),)
        if _has_option_ports(config):
            ports = tuple(Port(option.id, _literal(option.text)) for option in config.options)
        if config.answer_type == "options" and config.allow_other:
            ports += (Port(OTHER, _("Another answer")),)
        return ports + people.timeout_ports(config)

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The answer, the option, the extracted fields."""
        if config.answer_type == "options":
            kind = "array[string]" if config.multiple else "string"
            found = {
                "answer": Output(kind, _("What was answered")),
                "option_id": Output(kind, _("Id of the chosen option, empty for another answer")),
                "option_text": Output(kind, _("Text of the chosen option")),
                "option_index": Output(
                    "array[integer]" if config.multiple else "integer",
                    _("Its place among the options, from 0"),
                ),
            }
        else:
            found = {
                "answer": Output(_OUTPUT_TYPES.get(config.check.format, "string"), _("What was answered"))
            }
            if config.extract is not None:
                found |= {each.name: Output(each.type, each.description) for each in config.extract.fields}
        return {**found, "attempts": Output("integer", _("How often it was asked")), **people.ANSWER_OUTPUTS}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Options that are missing or clash, names that are taken."""
        if config.answer_type == "options":
            yield from _option_problems(config)
        elif config.extract is not None:
            seen: set[str] = set(_OWN)
            for index, field in enumerate(config.extract.fields):
                if field.name in seen:
                    yield (
                        f"extract.fields[{index}].name",
                        Sentence(_("There is an output “{name}” already."), name=field.name),
                    )
                seen.add(field.name)

    def run(self, ctx: NodeContext, config: QuestionConfig) -> Outcome:
        """Ask."""
        options = _options(config)
        if config.answer_type == "options" and not options:
            raise NodeError("There is nothing to choose from.", code="no_options")
        return _ask(config, config.question, {"attempt": 1, "options": options, "said": [], "fields": {}})

    async def resume(
        self, ctx: NodeContext, config: QuestionConfig, state: dict[str, Any], answer: dict[str, Any]
    ) -> Outcome:
        """Take the answer, or ask again. Raises `NodeError` (question_unanswered)."""
        if answer.get("timeout") is True:
            return people.timed_out({**_empty(config), "attempts": state["attempt"]})
        asked = str(state.get("asked") or config.question)
        wait = _ask(config, asked, state)
        _action, values = forms.read_answer(wait.payload, answer)
        value = values.get(_FIELD)
        if config.answer_type == "options":
            outcome = await _choose(ctx, config, state, value)
        else:
            outcome = await _take(ctx, config, state, wait, value)
        if isinstance(outcome, Result):
            outcome.outputs |= {
                "attempts": state["attempt"],
                "answered_by": people.who(answer),
                "timed_out": False,
            }
        return outcome


def _literal(value: Any) -> str:
    """A text as a title, unless only the run knows it."""
    return value if isinstance(value, str) and "{{" not in value and not value.startswith("$.") else ""


def _has_option_ports(config: Any) -> bool:
    return (
        config.answer_type == "options"
        and not config.multiple
        and config.dynamic_options is None
        and bool(config.options)
    )


def _option_problems(config: Any) -> Iterable[tuple[str, Text]]:
    if not config.options and config.dynamic_options is None:
        yield "options", Sentence(_("There is nothing to choose from."))
    if config.options and config.dynamic_options is not None:
        yield "dynamic_options", Sentence(_("Options are either listed or taken from a variable."))
    seen: set[str] = {*people.RESERVED, OTHER}
    for index, option in enumerate(config.options):
        if option.id in seen:
            yield f"options[{index}].id", Sentence(_("The id “{id}” is taken."), id=option.id)
        seen.add(option.id)


def _options(config: QuestionConfig) -> list[dict[str, str]]:
    """The options in force, as JSON Schema lists them."""
    if config.answer_type != "options":
        return []
    if config.dynamic_options is not None:
        return forms.options_of(config.dynamic_options)
    return [{"const": option.id, "title": option.text or option.id} for option in config.options]


def _ask(
    config: QuestionConfig, question: str, state: dict[str, Any], errors: Mapping[str, str] | None = None
) -> Wait:
    return people.wait(
        "question",
        config,
        title="",
        content=question,
        form={"type": "object", "properties": {_FIELD: _field(config, state)}, "required": [_FIELD]},
        actions=[Action(id="answer", title="Answer", style="primary")],
        state={**state, "asked": question},
        errors=errors,
        text_field=_FIELD,
        judged_by_node=True,
        allow_other=config.answer_type == "options" and config.allow_other,
    )


def _field(config: QuestionConfig, state: Mapping[str, Any]) -> dict[str, Any]:
    """The one field of the form."""
    if config.answer_type == "options":
        many = config.multiple
        field = FormField(name=_FIELD, type="multi_select" if many else "select", label="Answer")
        shape: dict[str, Any] = forms.form_schema([field])["properties"][_FIELD]
        if many:
            return {**shape, "items": {"type": "string", "oneOf": list(state["options"])}}
        return {**shape, "oneOf": list(state["options"])}
    rules = config.check
    field = FormField(
        name=_FIELD,
        type=_FIELD_TYPES[rules.format],
        label="Answer",
        min=rules.min,
        max=rules.max,
        min_length=rules.min_length,
        max_length=rules.max_length,
        pattern=rules.pattern,
    )
    found: dict[str, Any] = forms.form_schema([field])["properties"][_FIELD]
    return found


def _again(config: QuestionConfig, state: Mapping[str, Any], question: str, error: str) -> Wait:
    """Ask once more, with what was wrong; the number of times is limited."""
    attempt = int(state["attempt"])
    if attempt >= config.attempts:
        raise NodeError(
            f"The question was not answered in {attempt} attempts: the answer {error}",
            code="question_unanswered",
            details={"attempts": attempt},
        )
    return _ask(config, question, {**state, "attempt": attempt + 1}, {_FIELD: error})


async def _take(
    ctx: NodeContext, config: QuestionConfig, state: dict[str, Any], wait: Wait, value: Any
) -> Outcome:
    """A free answer: check it, take the fields out of it."""
    action = {"validates": True}
    errors = forms.check_values(wait.payload["form"], {} if value is None else {_FIELD: value}, action)
    if errors:
        return _again(config, state, str(state["asked"]), config.check.message or errors[_FIELD])
    if config.extract is None:
        return Result({"answer": value})
    said = [*map(tuple, state["said"]), (str(state["asked"]), str(value))]
    fields = await extraction.extract(ctx, config.extract, said, state["fields"])
    lacking = extraction.missing(config.extract, fields)
    if not lacking:
        return Result({"answer": value, **fields})
    wanted = ", ".join(field.description or field.name for field in lacking)
    kept = {**state, "said": [list(each) for each in said], "fields": fields}
    return _again(config, kept, f"{config.question}\n\n({wanted})", f"lacks: {wanted}.")


async def _choose(ctx: NodeContext, config: QuestionConfig, state: dict[str, Any], value: Any) -> Outcome:
    """An answer to a question with options: one of them, several, or something else."""
    options: list[dict[str, str]] = state["options"]
    given = [str(each) for each in (value if isinstance(value, list) else [value]) if each not in (None, "")]
    if not given:
        return _again(config, state, str(state["asked"]), "must be filled in.")
    known = {option["const"] for option in options}
    chosen = [each for each in given if each in known]
    if len(chosen) < len(given) and config.match is not None:
        found = await _understand(ctx, config.match, str(state["asked"]), options, given)
        found = found if config.multiple else found[:1]
        chosen, given = (found, found) if found else (chosen, given)
    if len(chosen) == len(given):
        return _chosen(config, options, list(dict.fromkeys(chosen)))
    if config.allow_other:
        nothing: dict[str, Any] = {
            "option_id": [] if config.multiple else "",
            "option_text": [] if config.multiple else "",
            "option_index": [] if config.multiple else -1,
        }
        return Result({"answer": given if config.multiple else given[0], **nothing}, OTHER)
    return _again(config, state, str(state["asked"]), "is none of the options.")


def _chosen(config: QuestionConfig, options: list[dict[str, str]], chosen: list[str]) -> Result:
    places = [
        next(index for index, option in enumerate(options) if option["const"] == each) for each in chosen
    ]
    texts = [options[place]["title"] for place in places]
    if config.multiple:
        return Result({"answer": texts, "option_id": chosen, "option_text": texts, "option_index": places})
    outputs = {"answer": texts[0], "option_id": chosen[0], "option_text": texts[0], "option_index": places[0]}
    return Result(outputs, chosen[0] if _has_option_ports(config) else OUT)


async def _understand(
    ctx: NodeContext, model: ChatConfig, question: str, options: list[dict[str, str]], given: list[str]
) -> list[str]:
    """The options that a model takes the answer to mean."""
    ids = [option["const"] for option in options]
    listed = "\n".join(f"- {option['const']}: {option['title']}" for option in options)
    talk = f"Question: {question}\nOptions:\n{listed}\n\nAnswer: {', '.join(given)}"
    schema = {
        "type": "object",
        "properties": {"options": {"type": "array", "items": {"enum": [*ids, OTHER]}}},
        "required": ["options"],
        "additionalProperties": False,
    }
    messages = [ChatMessage("system", _CHOOSE), ChatMessage("user", talk)]
    found = await extraction.answer_in_shape(ctx, model, messages, schema, "options")
    meant = found.get("options", []) if isinstance(found, Mapping) else []
    return [each for each in meant if each in ids] if isinstance(meant, list) else []


def _empty(config: QuestionConfig) -> dict[str, Any]:
    """Outputs of a question that nobody answered."""
    return {
        name: None
        for name in QuestionNode.outputs(config)
        if name not in {"attempts", *people.ANSWER_OUTPUTS}
    }
