"""Reading the environment."""

from __future__ import annotations

import pytest

from apps.core.checks import check_environment
from config import env as module
from config.env import Environment


@pytest.fixture(autouse=True)
def _isolated(monkeypatch):
    monkeypatch.setattr(module, "PROBLEMS", [])
    monkeypatch.setattr(module, "VARIABLES", [])


def test_an_unset_or_empty_variable_takes_its_default():
    environment = Environment({"B": " "})
    assert environment.integer("A", 8000, "a port") == 8000
    assert environment.text("B", "x", "a text") == "x"
    assert module.PROBLEMS == []


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (lambda e: e.integer("V", 1, "help"), "V: “maybe” is not a valid whole number"),
        (lambda e: e.boolean("V", False, "help"), "V: “maybe” is not a valid true or false"),
        (lambda e: e.choice("V", "a", ("a", "b"), "help"), "must be one of a, b"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence_and_the_default_stands_in(read, sentence):
    read(Environment({"V": "maybe"}))
    [problem] = module.PROBLEMS
    assert sentence in problem.message


def test_a_secrets_value_is_not_repeated_in_its_problem():
    environment = Environment({"N": "-5"})
    assert environment.integer("N", 3, "help", minimum=1) == 3
    assert "at least 1" in module.PROBLEMS[0].message


def test_a_problem_becomes_a_system_check(monkeypatch):
    from apps.core import checks

    monkeypatch.setattr(checks, "PROBLEMS", [module.Problem("PORT", "PORT: wrong.")])
    [message] = check_environment()
    assert (message.id, message.msg) == ("flywheel.E001", "PORT: wrong.")
