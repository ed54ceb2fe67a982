"""The reference page says what the language does: its examples are right, and no code or operator is left out."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from apps.workflows import dsl
from apps.workflows.dsl.expressions import FUNCTIONS
from apps.workflows.dsl.sandbox import ENVIRONMENT
from apps.workflows.dsl.types import TYPES
from apps.workflows.nodes.registry import catalogue

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/reference/workflow-language.md").read_text(encoding="utf-8")


def block(begin: str) -> str:
    """The example whose fence and first words are `begin`."""
    return PAGE.split(begin, 1)[1].split("```", 1)[0]


def test_the_first_example_is_a_workflow_without_faults() -> None:
    source = "version:" + block("```yaml\nversion:")
    assert [str(problem) for problem in dsl.inspect(source, catalogue())[1]] == []


def test_the_other_examples_can_be_read() -> None:
    dsl.compile_condition(yaml.safe_load("all:" + block("```yaml\nall:")))
    for line in block("### Expressions\n\n```\n").strip().splitlines():
        dsl.compile_condition(line)
    for line in block("## References\n\n```\n").strip().splitlines():
        dsl.compile_reference(re.split(r"\s{2,}|(?<=])\s", line)[0])
    dsl.Template(block("```jinja\n"))


def test_every_code_of_a_problem_is_listed() -> None:
    folder = ROOT / "apps/workflows/dsl"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py")))
    codes = set(re.findall(r'(?:\berror|\bwarning|_error|Problem)\(\s*"([a-z_]+)"', source))
    assert len(codes) > 50
    assert [code for code in sorted(codes) if f"`{code}`" not in PAGE] == []


def test_every_function_filter_and_type_is_listed() -> None:
    filters = PAGE.split("**Filters:**", 1)[1].split("**Methods:**", 1)[0].replace(".", " ").split()
    known = {name for name in ENVIRONMENT.filters if not name.startswith("_")} - {"d", "e"}
    assert known == set(filters)
    assert [name for name in FUNCTIONS if f"`{name}(" not in PAGE] == []
    types = PAGE.split("## Types", 1)[1]
    assert [name for name in TYPES if name.removeprefix("array") not in types] == []


def test_the_seed_workflows_are_without_faults() -> None:
    seeds = sorted((ROOT / "apps/workflows/starter").glob("*.yaml"))
    assert seeds
    for seed in seeds:
        document, problems = dsl.inspect(seed.read_text(encoding="utf-8"), catalogue())
        assert document is not None
        assert [str(problem) for problem in problems] == []
