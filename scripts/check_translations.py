"""Every text of the product has a finished translation, and the compiled files are the current ones.

Django's own command extracts the texts, but nothing in locale/ changes. Needs GNU gettext.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = "zh_Hans"
DOMAINS = ("django", "djangojs")
IGNORED = [".venv/*", "var/*", "site/*", "tests/*", "benchmarks/*"]
SHOWN = 40
ALIAS = re.compile(r"\b\w*gettext\w* as (?!_\b)(\w+)")

Key = tuple[str | None, str]


def extract(domain: str) -> dict[Key, polib.POEntry]:
    """All texts of one domain, by context and text."""
    from django.core.management.commands import makemessages

    entries: dict[Key, polib.POEntry] = {}

    class Extract(makemessages.Command):
        """Reads the template file where the original merges it into locale/."""

        def write_po_file(self, potfile: str, locale: str) -> None:
            entries.update({(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(potfile)})

    from django.core.management import call_command

    call_command(Extract(), locale=[LOCALE], domain=domain, ignore_patterns=IGNORED, verbosity=0)
    return entries


def problems(domain: str) -> Iterator[str]:
    """What is missing or unfinished in the translation of one domain."""
    texts = extract(domain)
    path = ROOT / "locale" / LOCALE / "LC_MESSAGES" / f"{domain}.po"
    if not path.exists():
        yield f"{path.relative_to(ROOT)} is missing ({len(texts)} texts)."
        return
    catalogue = polib.pofile(str(path))
    translated = {(entry.msgctxt, entry.msgid): entry for entry in catalogue if not entry.obsolete}
    for key, text in texts.items():
        entry = translated.get(key)
        if entry is None or entry.fuzzy or not entry.translated():
            state = "missing" if entry is None else "fuzzy" if entry.fuzzy else "not translated"
            place = ", ".join(f"{file}" for file, _ in text.occurrences[:1])
            yield f"{domain}: {state}: {key[1]!r} ({place})"
    if not _is_compiled(catalogue, path.with_suffix(".mo")):
        yield f"{domain}.mo is not what {path.relative_to(ROOT)} says; run `make messages`."


def unseen() -> Iterator[str]:
    """Imports that hide texts from the extraction: it knows Django's functions by their own names and as `_`."""
    for path in sorted((ROOT / "apps").rglob("*.py")):
        for found in ALIAS.finditer(path.read_text()):
            yield f"{path.relative_to(ROOT)}: the texts of {found[1]}() are not extracted: {found[0]}."


def _is_compiled(catalogue: polib.POFile, path: Path) -> bool:
    if not path.exists():
        return False
    compiled = {(entry.msgctxt, entry.msgid): _translation(entry) for entry in polib.mofile(str(path))}
    return compiled == {
        (entry.msgctxt, entry.msgid): _translation(entry) for entry in catalogue.translated_entries()
    }


def _translation(entry: polib.POEntry | polib.MOEntry) -> tuple[str, ...]:
    return tuple(entry.msgstr_plural.values()) if entry.msgstr_plural else (entry.msgstr,)


def main() -> int:
    """Check all domains; the exit code says whether something is unfinished."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    from config.env import default_settings

    default_settings()
    import django

    django.setup()
    found = [*unseen(), *(problem for domain in DOMAINS for problem in problems(domain))]
    sys.stdout.writelines(f"{problem}\n" for problem in found[:SHOWN])
    if len(found) > SHOWN:
        sys.stdout.write(f"… and {len(found) - SHOWN} more.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
