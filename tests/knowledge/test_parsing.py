"""Every parser on good files, on bad files, and on garbage."""

import contextlib
import csv
import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.knowledge.parsing import (
    EXTENSIONS,
    BrokenDocument,
    EmptyDocument,
    EncryptedDocument,
    NoTextLayer,
    OversizedDocument,
    ParsedDocument,
    ParseError,
    SectionKind,
    UnsupportedFormat,
    archive,
    clean,
    epub,
    parse,
    xlsx,
)
from apps.knowledge.parsing.errors import UnreadableContent, WrongExtension
from tests.knowledge import files
from tests.knowledge.corpus import DOCUMENTS


def text_of(data: bytes, name: str) -> str:
    return clean(parse(data, name)).text


class TestPdf:
    def test_pages_keep_their_numbers_and_pages_without_text_are_named(self):
        document = parse(
            files.pdf("First page about tea.", "", "Third page about coffee.", title="Drinks"), "a.pdf"
        )
        assert [(section.page, section.text) for section in document.sections] == [
            (1, "First page about tea."),
            (3, "Third page about coffee."),
        ]
        assert document.title == "Drinks"
        assert document.page_count == 3
        assert document.warnings == ("1 of 3 pages have no text (pictures or blank): 2.",)

    def test_bookmarks_become_heading_paths(self):
        document = parse(files.pdf("one", "two", "three", bookmarks={0: "Start", 2: "End"}), "a.pdf")
        assert [section.headings for section in document.sections] == [("Start",), ("Start",), ("End",)]

    def test_wrapped_lines_become_paragraphs(self):
        lines = (
            "The quick brown fox jumps over the lazy dog, then it takes a\n"
            "long and well deserved rest below the old oak tree, dream-\n"
            "ing of rabbits."
        )
        assert parse(files.pdf(lines), "a.pdf").text == (
            "The quick brown fox jumps over the lazy dog, then it takes a "
            "long and well deserved rest below the old oak tree, dreaming of rabbits."
        )

    def test_ruled_tables_become_markdown(self):
        text = text_of(
            files.pdf_with_table([["Plan", "Price"], ["Basic", "5"], ["Team | Pro", "20"]]), "a.pdf"
        )
        assert text.split("\n") == [
            "| Plan | Price |",
            "| --- | --- |",
            "| Basic | 5 |",
            "| Team \\| Pro | 20 |",
        ]

    def test_progress_counts_pages_and_may_stop(self):
        seen = []
        parse(files.pdf("a", "b"), "a.pdf", lambda done, total: seen.append((done, total)))
        assert seen == [(1, 2), (2, 2)]

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            parse(files.pdf("a", "b"), "a.pdf", stop)

    def test_pictures_only_says_that_text_recognition_is_needed(self):
        with pytest.raises(NoTextLayer, match="OCR"):
            parse(files.pdf("", ""), "scan.pdf")

    def test_password_is_told_from_damage(self):
        with pytest.raises(EncryptedDocument, match="password"):
            parse(files.pdf("secret", password="x"), "a.pdf")
        with pytest.raises(BrokenDocument, match="damaged"):
            parse(b"%PDF-1.7 and nothing else that makes sense", "a.pdf")


class TestWord:
    def test_styles_lists_and_tables_survive(self):
        data = files.word(
            ("Title", "Handbook"),
            ("Heading 1", "Leave"),
            ("Normal", "Twenty days a year."),
            ("List Bullet", "ask first"),
            rows=[["Years", "Days"], ["1", "20"]],
        )
        document = clean(parse(data, "h.docx"))
        assert document.title == "Handbook"
        assert document.text.split("\n")[:5] == ["# Handbook", "", "# Leave", "", "Twenty days a year."]
        assert "- ask first" in document.text
        assert "| Years | Days |\n| --- | --- |\n| 1 | 20 |" in document.text

    def test_an_archive_that_unpacks_to_too_much_is_refused(self, monkeypatch):
        monkeypatch.setattr(archive, "MAX_TEXT_BYTES", 1_000_000)
        with pytest.raises(OversizedDocument):
            parse(files.archive(word__document_xml=b" " * 2_000_000), "bomb.docx")

    def test_a_truncated_file_is_broken(self):
        with pytest.raises(BrokenDocument):
            parse(files.word(("Normal", "text"))[:4000], "a.docx")

    def test_entity_bombs_do_not_explode(self):
        layers = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "ha">{layers}]><d>&e9;</d>'.encode()
        with pytest.raises(ParseError):
            parse(files.archive(word__document_xml=bomb), "bomb.docx")


class TestExcel:
    def test_rows_of_all_sheets_become_records(self):
        day = datetime.datetime(2026, 11, 25)  # noqa: DTZ001 - workbooks know no time zones
        data = files.workbook(
            Orders=[
                ["Id", "Total", None, "Paid", "Due"],
                [1, 12.0, "gift", True, day],
                [None, None],
                [2, 0.5, None, False, day.replace(hour=9)],
            ],
            Remarks=[["Only one row", "here"]],
            Empty=[],
        )
        document = parse(data, "orders.xlsx")
        first, second = document.sections
        assert first.text == (
            "Id: 1\nTotal: 12\n#3: gift\nPaid: true\nDue: 2026-11-25\n\n"
            "Id: 2\nTotal: 0.5\nPaid: false\nDue: 2026-11-25 09:00:00"
        )
        assert (first.kind, first.headings) == (SectionKind.RECORDS, ("Orders",))
        assert second.text == "Only one row | here"
        assert document.metadata == {"rows": "3", "sheets": "Orders, Remarks, Empty"}

    def test_a_workbook_with_too_many_rows_is_refused(self, monkeypatch):
        monkeypatch.setattr(xlsx, "MAX_ROWS", 3)
        with pytest.raises(OversizedDocument):
            parse(files.workbook(Rows=[[number] for number in range(6)]), "rows.xlsx")


class TestPowerPoint:
    def test_slides_keep_titles_lists_tables_and_notes(self):
        data = files.slides(
            {"title": "Leave", "points": ["Twenty days", "Ask first"], "notes": "Say it slowly."},
            {"title": "By years", "rows": [["Years", "Days"], ["1", "20"]]},
        )
        document = parse(data, "talk.pptx")
        assert document.page_count == 2
        assert document.title == "Leave"
        assert document.sections[0].text == "## Leave\n\n- Twenty days\n- Ask first\n\nSay it slowly."
        assert "| Years | Days |\n| --- | --- |\n| 1 | 20 |" in document.sections[1].text
        assert [(section.page, section.headings) for section in document.sections] == [
            (1, ("Leave",)),
            (2, ("By years",)),
        ]


class TestEpub:
    def test_chapters_come_in_reading_order_without_the_contents(self):
        document = parse(files.book(("Two", "Later."), ("One", "First.")), "book.epub")
        assert [section.headings for section in document.sections] == [("One",), ("Two",)]
        assert document.text == "# One\n\nFirst.\n\n# Two\n\nLater."
        assert (document.title, document.metadata) == ("A book", {"author": "Somebody"})

    def test_a_missing_chapter_is_told_and_a_protected_book_refused(self):
        document = parse(files.book(("Two", "Later."), ("One", None)), "book.epub")
        assert document.text == "# Two\n\nLater."
        assert "c1.xhtml" in document.warnings[0]
        with pytest.raises(EncryptedDocument):
            parse(
                files.book(("One", "First."), method="http://www.w3.org/2001/04/xmlenc#aes128-cbc"), "b.epub"
            )
        fonts = files.book(("One", "First."), method="http://www.idpf.org/2008/embedding")
        assert parse(fonts, "b.epub").text == "# One\n\nFirst."

    def test_more_text_than_a_directory_admits_is_refused(self, monkeypatch):
        data = files.book(("One", "x" * 5_000))
        monkeypatch.setattr(epub, "MAX_TEXT_BYTES", 3_000)
        with pytest.raises(OversizedDocument):
            parse(data, "b.epub")

    def test_entities_of_a_package_are_not_followed(self):
        with pytest.raises(ParseError):
            parse(
                files.book(
                    ("One", "First."), prolog='<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/hostname">]>&e;'
                ),
                "b.epub",
            )


@pytest.mark.parametrize("suffix", [".xlsx", ".pptx", ".epub"])
class TestArchives:
    def whole(self, suffix):
        made = {
            ".xlsx": lambda: files.workbook(A=[["a"], ["b"]]),
            ".pptx": lambda: files.slides({"title": "A"}),
            ".epub": lambda: files.book(("One", "First.")),
        }
        return made[suffix]()

    def test_damage_is_told_and_nothing_else_is_raised(self, suffix):
        data = self.whole(suffix)
        for cut in range(30, len(data), max(len(data) // 25, 1)):
            with pytest.raises(ParseError):
                parse(data[:cut], f"a{suffix}")
        for at in range(0, len(data), max(len(data) // 40, 1)):
            with contextlib.suppress(ParseError):
                parse(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :], f"a{suffix}")

    def test_a_wrong_name_is_told(self, suffix):
        with pytest.raises(WrongExtension):
            parse(self.whole(suffix), "a.docx")


class TestHtml:
    def test_only_the_content_stays(self):
        page = (
            "<html><head><title>T</title><style>p{}</style></head><body><nav>Home</nav><script>x()</script>"
            "<h1>Tea</h1><p>Green <b>tea</b> is <a href='http://x.y'>good</a>.</p>"
            "<table><tr><th>a</th></tr><tr><td>1</td></tr></table><footer>2024</footer></body></html>"
        )
        document = clean(parse(page.encode(), "a.html"))
        assert document.title == "Tea"
        assert document.text == "# Tea\n\nGreen **tea** is good.\n\n| a |\n| --- |\n| 1 |"

    def test_the_declared_charset_counts(self):
        page = '<html><head><meta charset="gb18030"></head><body><p>绿茶有益健康</p></body></html>'
        assert text_of(page.encode("gb18030"), "a.html") == "绿茶有益健康"

    def test_a_tree_of_fifty_thousand_levels_is_read_as_text(self):
        document = parse(b"<html><body>" + b"<div>" * 50_000 + b"deep", "a.html")
        assert "deep" in document.text


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "big5"])
    def test_encodings_are_found(self, encoding):
        sample = "員工每年享有帶薪年假，可以在系統內提出申請。如需取消，請聯絡人事部門。" * 3
        assert text_of(sample.encode(encoding), "a.txt") == sample

    def test_what_the_database_refuses_is_removed(self):
        text = text_of(b"good\x00 text \xef\xbb\xbfhere " + b"and more of it " * 40, "a.txt")
        assert text.startswith("good text here and")
        assert "\x00" not in text

    @pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html"])
    def test_binary_data_under_a_text_name_is_refused(self, name):
        with pytest.raises(UnreadableContent, match=r"binary data|a PNG picture"):
            parse(bytes(range(256)) * 20, name)

    def test_front_matter_becomes_metadata(self):
        document = parse(b"---\ntitle: Guide\nauthor: Li\n---\n# Other\n\ntext", "a.md")
        assert (document.title, document.metadata, document.text) == (
            "Guide",
            {"title": "Guide", "author": "Li"},
            "# Other\n\ntext",
        )


class TestCsv:
    def test_rows_become_records(self):
        text = text_of('name,price\n茶, 5\n\ncoffee,"7, or\n8"\n'.encode(), "a.csv")
        assert text == "name: 茶\nprice: 5\n\nname: coffee\nprice: 7, or 8"

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_the_delimiter_is_guessed(self, delimiter):
        rows = [["city", "note"], ["Berlin", "big"], ["Ulm", "small"]]
        data = "\n".join(delimiter.join(row) for row in rows).encode()
        assert text_of(data, "a.csv") == "city: Berlin\nnote: big\n\ncity: Ulm\nnote: small"

    def test_a_header_alone_is_its_own_content(self):
        assert text_of(b"name,price\n", "a.csv") == "name | price"

    def test_a_cell_larger_than_the_module_default_is_read(self):
        assert len(text_of(b"a\n" + b"x" * 200_000 + b"\n", "a.csv")) > csv.QUOTE_ALL + 200_000


class TestNames:
    def test_unknown_extension_lists_what_is_supported(self):
        with pytest.raises(UnsupportedFormat, match=r"“\.exe”.*\.pdf"):
            parse(b"x", "setup.exe")

    def test_a_wrong_extension_is_named(self):
        with pytest.raises(WrongExtension, match=r"“\.txt”.*PDF file"):
            parse(files.pdf("text"), "a.txt")
        with pytest.raises(WrongExtension, match=r"“\.pdf”.*Word document"):
            parse(files.word(("Normal", "x")), "a.pdf")
        with pytest.raises(UnreadableContent, match="PNG"):
            parse(b"\x89PNG\r\n\x1a\n" + bytes(100), "a.pdf")
        with pytest.raises(WrongExtension, match="Excel"):
            parse(files.archive(xl__workbook_xml=b"<x/>"), "a.docx")

    @pytest.mark.parametrize("name", [f"a{extension}" for extension in EXTENSIONS])
    @pytest.mark.parametrize("data", [b"", b" \n\t "])
    def test_empty_files_say_so(self, name, data):
        with pytest.raises(EmptyDocument):
            parse(data, name)


class TestCleaning:
    def test_running_headers_and_page_numbers_are_dropped(self):
        pages = [
            f"ACME Annual Report\nContent number {word} is here.\nPage {n}" for n, word in enumerate("abcdef")
        ]
        document = clean(parse(files.pdf(*pages), "a.pdf"))
        assert [section.text for section in document.sections] == [
            f"Content number {word} is here." for word in "abcdef"
        ]

    def test_every_error_is_a_sentence(self):
        with pytest.raises(ParseError) as caught:
            parse(b"", "a.txt")
        assert caught.value.code == "empty_document"
        assert str(caught.value).endswith(".")


_PREFIXES = [
    b"",
    b"%PDF-1.4\n",
    b"PK\x03\x04",
    b"\xff\xfe",
    b"<html>",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"a,b\n",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(b"", b"\r!")
@given(
    st.sampled_from(_PREFIXES),
    st.binary(max_size=400) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
)
@pytest.mark.parametrize(
    "extension", sorted(set(EXTENSIONS) - {".markdown", ".mdx", ".text", ".log", ".htm", ".xhtml"})
)
def test_any_bytes_give_a_document_or_a_typed_error(extension, prefix, body):
    try:
        document = clean(parse(prefix + body, f"file{extension}"))
    except ParseError:
        return
    assert isinstance(document, ParsedDocument)
    document.text.encode("utf-8")
    assert "\x00" not in document.text


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=8), st.sampled_from(["pdf", "docx"]))
def test_a_damaged_file_gives_a_document_or_a_typed_error(position, damage, kind):
    good = (
        files.pdf("some text", "more")
        if kind == "pdf"
        else files.word(("Heading 1", "Title"), ("Normal", "text"))
    )
    bad = good[:position] + damage + good[position + len(damage) :]
    try:
        parse(bad, f"a.{kind}")
    except ParseError:
        return


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="no corpus of real documents")
class TestRealDocuments:
    def load(self, name: str) -> ParsedDocument:
        return clean(parse(DOCUMENTS / name, name))

    def test_two_columns_read_in_order(self):
        text = self.load("multicolumn.pdf").text
        assert text.index("Lorem ipsum dolor sit amet") < text.index("Suspendisse ut massa")

    def test_table_of_the_inventory_report(self):
        document = self.load("SPARSE-2024-INV-1234_borderless_table.pdf")
        assert "| SKU-8847 | Electronics | $45.00 | $13,005.00 | 2024-10-15 |  |" in document.text
        assert document.page_count == 2

    def test_what_a_scan_and_a_protected_file_lack(self):
        with pytest.raises(NoTextLayer):
            self.load("MEDRPT-2024-PAT-3847_medical_report_scan.pdf")
        with pytest.raises(EncryptedDocument):
            self.load("libreoffice-writer-password.pdf")

    def test_word_and_web_pages_keep_their_structure(self):
        assert "\n# Abstract\n" in self.load("test.docx").text
        wiki = self.load("test_wikipedia.html")
        assert "## History" in wiki.text
        assert "<script" not in wiki.text

    @pytest.mark.parametrize("name", ["random.bin", "test_notebook.ipynb"])
    def test_other_formats_are_refused_with_what_is_supported(self, name):
        with pytest.raises(UnsupportedFormat, match=r"\.pdf, \.docx"):
            self.load(name)

    @pytest.mark.parametrize(
        "name", ["habibi.pdf", "pdflatex-4-pages.pdf", "google-doc-document.pdf", "equations.docx"]
    )
    def test_the_others_are_read(self, name):
        assert len(self.load(name).text) > 20
