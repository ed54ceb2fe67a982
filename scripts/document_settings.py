"""Write the table of `docs/operations/configuration.md` from the declarations that `config/env.py` collects.

`--check` writes nothing and fails when the page is not up to date.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "operations" / "configuration.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"
HIDDEN = {"FLYWHEEL_TEST_DB", "FLYWHEEL_PROCESS"}  # set by the test suite, and by the supervisor

sys.path.insert(0, str(ROOT))


def declared_variables() -> list[tuple[str, str, str, str]]:
    """Return (name, kind, default, help) of each variable, sorted by name."""
    env = import_module("config.env")
    for settings in ("base", "production"):
        import_module(f"config.settings.{settings}")
    rows = {
        variable.name: (variable.name, variable.kind, default_text(variable), variable.help)
        # a variable that production declares again keeps the description of the base settings
        for variable in reversed(env.VARIABLES)
        if variable.name not in HIDDEN
    }
    return sorted(rows.values())


def default_text(variable: object) -> str:
    """Return the default as the reader would write it."""
    described = getattr(variable, "default_text", "")
    default = getattr(variable, "default", "")
    if described:
        return str(described)
    if isinstance(default, bool):
        return f"`{int(default)}`"
    if isinstance(default, tuple):
        return f"`{','.join(default)}`" if default else "none"
    return f"`{default}`" if default not in {"", None} else "none"


def table() -> str:
    """Return the Markdown table."""
    lines = ["| Variable | Kind | Default | Meaning |", "| --- | --- | --- | --- |"]
    for name, kind, default, text in declared_variables():
        cells = (f"`{name}`", kind, default, text)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Write or check the page; 1 when a check finds it out of date."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    fresh = pattern.sub(lambda _found: f"{BEGIN}\n{table()}\n{END}", page)
    if fresh == page:
        return 0
    if "--check" in sys.argv[1:]:
        sys.stderr.write(f"{PAGE.relative_to(ROOT)} is out of date: run scripts/document_settings.py\n")
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
