"""HTML pages: the content as Markdown, without scripts, styles and navigation."""

import re
from pathlib import PurePath
from typing import Any

from bs4 import BeautifulSoup, Comment, Tag
from markdownify import MarkdownConverter

from apps.knowledge.parsing.document import ParsedDocument, Progress, Section
from apps.knowledge.parsing.encoding import decode
from apps.knowledge.parsing.errors import BrokenDocument

#: Elements that are never content.
_DROPPED = [
    "head",
    "script",
    "style",
    "noscript",
    "template",
    "iframe",
    "object",
    "embed",
    "svg",
    "canvas",
    "nav",
    "footer",
    "form",
    "button",
    "input",
    "select",
    "textarea",
    "dialog",
    "audio",
    "video",
]

_FURNITURE_ROLES = {"navigation", "search", "contentinfo"}

#: Deeper trees come from generators and attackers, not from authors; they are read as text without structure.
MAX_DEPTH = 120

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*){2,}")


class _Converter(MarkdownConverter):
    """Markdown for reading by people and models: pictures become their description, links their text."""

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """The alternative text."""
        return str(el.get("alt") or "").strip()

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        """The text of a link: addresses only dilute retrieval."""
        return text


def parse(data: bytes, name: str, progress: Progress) -> ParsedDocument:
    """Decode by the declared charset, drop what is not content, convert to Markdown."""
    document = convert(_decode(data, name), fallback_title=PurePath(name).stem)
    progress(1, 1)
    return document


def convert(markup: str, fallback_title: str) -> ParsedDocument:
    """The Markdown of an HTML string. Trees too deep to convert give their bare text and a warning."""
    try:
        soup = BeautifulSoup(markup, "lxml")
    except Exception as error:  # the HTML parser's own failures have no common class
        raise BrokenDocument(format="HTML") from error
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    _drop_furniture(soup)
    warnings: tuple[str, ...] = ()
    try:
        text = _bare_text(soup) if _too_deep(soup) else _to_markdown(soup)
        if _too_deep(soup):
            warnings = ("The page is nested too deeply; its text was read without headings and tables.",)
    except (RecursionError, ValueError):
        text = _bare_text(soup)
    heading = soup.find("h1")
    first = heading.get_text(" ", strip=True) if isinstance(heading, Tag) else ""
    return ParsedDocument(
        sections=(Section(text),), title=first or title or fallback_title, warnings=warnings
    )


def _decode(data: bytes, name: str) -> str:
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode(declared.group(1).decode("ascii"))
        except (LookupError, UnicodeError, ValueError):
            pass  # a wrong declaration is common; the bytes then speak for themselves
    return decode(data, PurePath(name).suffix.lower())


def _drop_furniture(soup: BeautifulSoup) -> None:
    for element in soup.find_all(_DROPPED):
        element.extract()
    for comment in soup.find_all(string=lambda string: isinstance(string, Comment)):
        comment.extract()
    for element in soup.find_all(_is_furniture):
        element.extract()


def _is_furniture(element: Tag) -> bool:
    """Navigation by its role; a page's header, though not one that holds a title or belongs to an article."""
    if element.get("role") in _FURNITURE_ROLES:
        return True
    return (
        element.name == "header"
        and element.find("h1") is None
        and element.find_parent(["article", "main"]) is None
    )


def _too_deep(soup: BeautifulSoup) -> bool:
    depth, node = 0, soup.contents[0] if soup.contents else None
    # A walk over parents and siblings: recursion is what this check is there to avoid.
    while node is not None:
        if isinstance(node, Tag) and node.contents:
            node, depth = node.contents[0], depth + 1
            if depth > MAX_DEPTH:
                return True
            continue
        while node is not None and node.next_sibling is None:
            node, depth = node.parent, depth - 1
        node = node.next_sibling if node is not None else None
    return False


def _to_markdown(soup: BeautifulSoup) -> str:
    options: dict[str, Any] = {
        "heading_style": "ATX",
        "bullets": "-",
        "escape_misc": False,
        "strip_document": None,
    }
    options |= {"escape_asterisks": False, "escape_underscores": False, "table_infer_header": True}
    return _BLANK_LINES.sub("\n\n", str(_Converter(**options).convert_soup(soup))).strip()


def _bare_text(soup: BeautifulSoup) -> str:
    return _BLANK_LINES.sub("\n\n", soup.get_text("\n")).strip()
