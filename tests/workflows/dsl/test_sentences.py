"""What is said about documents can be said in another language."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from apps.workflows import dsl
from apps.workflows.dsl.sentences import Sentence, gettext_noop, said
from apps.workflows.dsl.templates import compile_template
from tests.workflows.dsl.catalogue import CATALOGUE
from tests.workflows.dsl.support import document

ROOT = Path(__file__).parents[3] / "apps/workflows"
LANGUAGE = sorted((ROOT / "dsl").rglob("*.py"))
SOURCES = [*LANGUAGE, *sorted((ROOT / "nodes").rglob("*.py"))]
#: Calls that say something, and which of their arguments does.
SAYING = {"error": 2, "warning": 2, "Problem": 2, "_error": 1, "_wrong": 0, "Refused": 0}
ERRORS = {
    "TypeMismatch",
    "MissingValue",
    "ReferenceSyntaxError",
    "ConditionSyntaxError",
    "TemplateSyntaxError",
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            yield name, node


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_templates_are_literals_and_get_the_parameters_they_name(path: Path) -> None:
    inside = path in LANGUAGE
    for name, call in calls(path):
        where = f"{path.name}:{call.lineno}"
        if (name == "_" and inside) or name == "gettext_noop":
            assert isinstance(call.args[0], ast.Constant), where
        if name == "_" and inside:
            template, given = call.args[0], call.keywords
        elif name == "Sentence" and isinstance(call.args[0], ast.Call):
            template, given = call.args[0].args[0], call.keywords
        else:
            continue
        assert isinstance(template, ast.Constant), where
        assert placeholders(template.value) == {keyword.arg for keyword in given}, where


@pytest.mark.parametrize("path", LANGUAGE, ids=[str(path.relative_to(ROOT)) for path in LANGUAGE])
def test_nothing_is_said_in_words_that_nobody_can_translate(path: Path) -> None:
    for name, call in calls(path):
        position = 0 if name in ERRORS else SAYING.get(name)
        if position is None or len(call.args) <= position:
            continue
        words = [
            part for part in ast.walk(call.args[position]) if isinstance(part, ast.JoinedStr) and part.values
        ]
        plain = isinstance(call.args[position], ast.Constant)
        said_plainly = bool(words) or plain
        assert not said_plainly, f"{path.name}:{call.lineno}"


def backwards(template: str) -> str:
    """A language of its own: the placeholders stay, the order of the words turns."""
    return " ".join(reversed(template.split(" ")))


def test_a_sentence_and_those_in_it_are_translated() -> None:
    nodes = ["S", {"id": "a", "type": "step", "config": {"number": "$.start.names"}}, "E"]
    problems = dsl.validate(dsl.parse(document(nodes, ["start > a", "a > end"])), CATALOGUE)
    (problem,) = (found for found in problems if found.code == "type_mismatch")
    assert problem.message == "$.start.names is an array of strings, and a number is needed."
    assert problem.as_dict()["message"] == problem.message
    turned = "needed. is number a and strings of array an, is $.start.names"
    assert problem.as_dict(backwards)["message"] == turned
    assert problem.shown(backwards) == f"nodes[1].config.number: {turned}"


def test_what_a_library_hands_through_is_translated() -> None:
    with pytest.raises(dsl.LanguageError) as caught:
        compile_template("{{ a.b }}{% for x in y recursive %}{% endfor %}")
    assert caught.value.message == "A loop can't be recursive."
    assert said(caught.value.sentence, backwards) == "recursive. be can't loop A"
    with pytest.raises(dsl.DocumentError) as refused:
        dsl.parse(
            {"version": dsl.VERSION, "nodes": [], "variables": {"environment": [{"name": "A", "type": "x"}]}}
        )
    (problem,) = refused.value.problems
    assert problem.message.startswith("There is no type 'x'; known are string,")
    assert isinstance(problem.sentence, Sentence)
    assert problem.sentence.template == "There is no type {name!r}; known are {known}."


@pytest.mark.parametrize("wrong", ["{nobody}", "{", "{}", "{name.x}", "{name[0]}"])
def test_a_wrong_translation_falls_back_to_english(wrong: str) -> None:
    sentence = Sentence(gettext_noop("There is no node {name!r}."), name=7)
    assert sentence.translated(lambda _template: wrong) == "There is no node 7."


def test_equal_sentences_count_once() -> None:
    one, other = Sentence("{a} b", a="a"), Sentence("a {b}", b="b")
    assert (one == other, hash(one) == hash(other), one == "a b", one == 3) == (True, True, True, False)
    assert one.fill(a="c").template == "{a} b"
