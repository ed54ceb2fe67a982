"""How parts of the language fail, while a document is compiled and while a run resolves values."""

from __future__ import annotations

from apps.workflows.dsl.sentences import Text, _


class LanguageError(ValueError):
    """Root of all errors of values. `code` is for programs; the sentence says what to do about it."""

    code = "invalid_value"

    def __init__(self, sentence: Text) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence

    @property
    def message(self) -> str:
        """The sentence in English."""
        return str(self.args[0])


class ReferenceSyntaxError(LanguageError):
    """A reference can't be read."""

    code = "reference_syntax"


class TemplateSyntaxError(LanguageError):
    """A template can't be read; `line` counts from 1 within the template."""

    code = "template_syntax"

    def __init__(self, message: Text, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


class TemplateError(LanguageError):
    """A template failed while it was rendered, or reached one of its limits."""

    code = "template_failed"


class ConditionSyntaxError(LanguageError):
    """A condition can't be read; `place` is a path below it, such as ``all[1].op``."""

    code = "condition_syntax"

    def __init__(self, message: Text, place: str = "") -> None:
        super().__init__(message)
        self.place = place


class TypeMismatch(LanguageError):
    """A value can't be converted to the type that is needed."""

    code = "type_mismatch"


class MissingValue(TypeMismatch):
    """A reference has no value, and the field needs one."""

    code = "missing_value"


class FieldError(LanguageError):
    """A field of a configuration can't be compiled or resolved; `place` is its path below `config`."""

    def __init__(self, place: str, cause: LanguageError) -> None:
        super().__init__(
            _("{place}: {detail}", place=place, detail=cause.sentence) if place else cause.sentence
        )
        self.code = cause.code
        self.place = place
        self.cause = cause
