"""House rules that no other tool knows, checked over every file under version control."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Rule:
    """A pattern that must not occur in files with these suffixes."""

    sentence: str
    pattern: re.Pattern[str]
    suffixes: frozenset[str]


def rule(sentence: str, pattern: str, *suffixes: str) -> Rule:
    """Build a rule; patterns are case-sensitive and see the whole file."""
    return Rule(sentence, re.compile(pattern), frozenset(suffixes))


RULES = (
    rule(
        "Finish it, or write an issue.",
        r"\b(?:[T]ODO|[F]IXME)\b",
        ".py",
        ".js",
        ".css",
        ".html",
        ".sh",
        ".md",
    ),
    rule(
        "No script in a template: put it into static/ and pass data by json_script.",
        r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>",
        ".html",
    ),
    rule("No style attribute: use a class.", r"<[^>]*\sstyle=[\"']", ".html"),
    rule("No event attribute: add a listener in a module.", r"<[^>]*\son[a-z]+=[\"']", ".html"),
    rule(
        "Nothing is loaded from other servers.",
        r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//",
        ".html",
    ),
    rule(
        "Nothing is loaded from other servers.",
        r"(?:@import|url\(|\bimport\b[^;\n]*?from)\s*[\"']?(?:https?:)?//",
        ".css",
        ".js",
    ),
    rule("A text for translation can't be an f-string.", r"\b(?:_|gettext(?:_lazy)?)\(\s*f[\"']", ".py"),
)


def tracked_files() -> Iterator[Path]:
    """Files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listing.splitlines():
        if (ROOT / name).is_file():
            yield ROOT / name


def violations(path: Path, text: str) -> Iterator[str]:
    """Sentences with file and line for each rule that `text` breaks."""
    for broken in RULES:
        if path.suffix not in broken.suffixes:
            continue
        for match in broken.pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path.relative_to(ROOT)}:{line}: {broken.sentence}"


def main() -> int:
    """Check all files; the exit code says whether there were violations."""
    suffixes = frozenset().union(*(one.suffixes for one in RULES))
    found = [
        sentence
        for path in tracked_files()
        if path.suffix in suffixes
        for sentence in violations(path, path.read_text(encoding="utf-8"))
    ]
    sys.stdout.writelines(f"{sentence}\n" for sentence in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
