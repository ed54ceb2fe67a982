"""A small catalogue of node types that need no engine: what the language is tested with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from apps.workflows.dsl.document import TypeName
from apps.workflows.dsl.dynamic import (
    BodyAny,
    BodyCondition,
    DynamicAny,
    DynamicArray,
    DynamicBoolean,
    DynamicCondition,
    DynamicFile,
    DynamicInteger,
    DynamicNumber,
    DynamicObject,
    DynamicText,
    KnowledgeBaseName,
    ModelName,
    Resource,
    Target,
    WorkflowName,
)
from apps.workflows.dsl.nodetype import OUT, Group, Output, Port


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Type:
    type: ClassVar[str]
    title: ClassVar[str] = ""
    description: ClassVar[str] = ""
    group: ClassVar[Group] = "other"
    icon: ClassVar[str] = ""
    Config: ClassVar[type[BaseModel]] = Config
    container: ClassVar[bool] = False

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        return (Port(OUT),)

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {}

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        return {}

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, str]]:
        return ()


class StartConfig(Config):
    inputs: dict[str, TypeName] = Field(default_factory=dict)


class Start(Type):
    type = "start"
    Config = StartConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {name: Output(type_) for name, type_ in config.inputs.items()}


class EndConfig(Config):
    outputs: dict[str, DynamicAny] = Field(default_factory=dict)


class End(Type):
    type = "end"
    Config = EndConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        return ()


class AnswerConfig(Config):
    answer: DynamicText = ""


class Answer(Type):
    type = "answer"
    Config = AnswerConfig


class StepConfig(Config):
    text: DynamicText = ""
    number: DynamicNumber | None = None
    integer: DynamicInteger = 0
    flag: DynamicBoolean = False
    object: DynamicObject = Field(default_factory=dict)
    file: DynamicFile | None = None
    items: DynamicArray = Field(default_factory=list)
    pairs: list[Pair] = Field(default_factory=list)
    values: dict[str, DynamicAny] = Field(default_factory=dict)
    size: int = Field(10, ge=1, le=100)


class Pair(Config):
    name: str
    value: DynamicText = ""


class Step(Type):
    type = "step"
    Config = StepConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        schema = {
            "type": "object",
            "properties": {
                "total": {"type": "number"},
                "lines": {"type": "array", "items": {"type": "object"}},
            },
            "additionalProperties": False,
        }
        return {
            "text": Output("string"),
            "count": Output("integer"),
            "list": Output("array[object]"),
            "order": Output("object", schema=schema),
            "data": Output("object"),
            "file": Output("file"),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, str]]:
        if config.text == "forbidden":
            yield "text", "This text is forbidden."


class OpenConfig(Config):
    """Leaves behind whatever it likes."""


class Open(Type):
    type = "open"
    Config = OpenConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"*": Output("any")}


class BranchConfig(Config):
    when: DynamicCondition = True


class Branch(Type):
    type = "branch"
    Config = BranchConfig

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        return (Port("yes"), Port("no"))


class LoopConfig(Config):
    items: DynamicArray = Field(default_factory=list)
    variables: dict[str, TypeName] = Field(default_factory=dict)
    output: BodyAny = None
    until: BodyCondition = None


class Loop(Type):
    type = "loop"
    Config = LoopConfig
    container = True

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        return {"output": Output("array[any]")}

    @classmethod
    def body_outputs(cls, config: Any) -> Mapping[str, Output]:
        variables = {name: Output(type_) for name, type_ in config.variables.items()}
        return {"item": Output("any"), "index": Output("integer"), **variables}


class Break(Type):
    type = "break"

    @classmethod
    def ports(cls, config: Any) -> tuple[Port, ...]:
        return ()


class Continue(Break):
    type = "continue"


class Comment(Break):
    type = "comment"


class AssignConfig(Config):
    target: Target
    value: DynamicAny = None


class Assign(Type):
    type = "assign"
    Config = AssignConfig


class ModelConfig(Config):
    model: ModelName = ""
    bases: list[KnowledgeBaseName] = Field(default_factory=list)
    language: Annotated[Literal["python", "javascript"] | None, Resource("language", optional=True)] = None


class Model(Type):
    type = "model"
    Config = ModelConfig


class CallConfig(Config):
    workflow: WorkflowName = ""


class Call(Type):
    type = "call"
    Config = CallConfig


StepConfig.model_rebuild()

CATALOGUE: dict[str, Any] = {
    kind.type: kind
    for kind in (
        Start,
        End,
        Answer,
        Step,
        Open,
        Branch,
        Loop,
        Break,
        Continue,
        Comment,
        Assign,
        Model,
        Call,
    )
}
