"""What is said to people, so that it can be said in their language.

A sentence is a template in English with its parameters; its text is English until somebody translates it. The
language knows no translator: whoever shows a sentence hands one over (`said`). The names `_` and `gettext_noop` are
those that tools look for when they collect templates, which therefore stand in the code as literals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

#: What a translator does: a template in English in, the template in another language out.
Translate = Callable[[str], str]


class Sentence:
    """A template of `str.format` with its parameters, which may be sentences themselves."""

    __slots__ = ("params", "template")

    def __init__(self, template: str, /, **params: Any) -> None:
        self.template = template
        self.params: Mapping[str, Any] = params

    def __str__(self) -> str:
        return self.template.format(**self.params)

    def __repr__(self) -> str:
        return repr(str(self))

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Sentence | str) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def fill(self, **params: Any) -> Sentence:
        """The same template with other parameters."""
        return Sentence(self.template, **params)

    def translated(self, translate: Translate) -> str:
        """In the translator's language; in English when the translation asks for what there is not."""
        params = {name: said(value, translate) for name, value in self.params.items()}
        try:
            return translate(self.template).format(**params)
        except (LookupError, ValueError, AttributeError, TypeError):
            return self.template.format(**params)


#: What may stand where something is said: a sentence, or words of somebody else, which stay as they are.
Text = Sentence | str


def _(template: str, /, **params: Any) -> Sentence:
    """A sentence from a literal template."""
    return Sentence(template, **params)


def gettext_noop(template: str) -> str:
    """Mark a literal as a template that is used elsewhere."""
    return template


def said(value: Any, translate: Translate) -> Any:
    """A sentence in the translator's language; anything else as it is."""
    return value.translated(translate) if isinstance(value, Sentence) else value


def cause(error: Exception) -> Text:
    """What an exception says that went through somebody else's library: our sentence, if it carries one."""
    first = getattr(error, "sentence", None) or (error.args[0] if error.args else "")
    return first if isinstance(first, Sentence) else str(first or "")
