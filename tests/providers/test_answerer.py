"""The extractive answerer: quotes what answers the question, in its language, or says that nothing does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.providers.local import answer, pieces
from apps.providers.local.quotes import quotes_in, sentences
from apps.providers.local.words import is_chinese, terms
from apps.providers.wire import ContextPassage

GUIDE = [
    ContextPassage(
        "a",
        "# Getting started\n\nFlywheel is one product for the whole life of an LLM application. It needs "
        "PostgreSQL only. On a machine with Python 3.11 nothing else is needed, e.g. no Docker or Redis.\n\n"
        "Start it with one command:\n\n```\nmake up\n```\n\nIt prints the address and the password once.",
        "Getting started",
    ),
    ContextPassage(
        "b",
        "## Documents\nSupported formats:\n\n- PDF and DOCX\n- Markdown\n- HTML and CSV\n\nA file may have "
        "up to 100 MB.\n\n| Role | May do |\n| --- | --- |\n"
        "| viewer | read and chat |\n| annotator | correct answers |",
        "Knowledge",
    ),
    ContextPassage(
        "c",
        "See [the guide](https://example.com) first. Retention drops old partitions after 90 days.",
        "Tracing",
    ),
]
HANDBOOK = [
    ContextPassage(
        "1",
        "第三章 休假制度。员工入职满一年后，每年可享受5天带薪年假；满十年的为10天。年假应当在当年使用完毕，"
        "特殊情况可以结转至次年3月31日。请假须提前三个工作日提交申请。",
        "员工手册",
    ),
    ContextPassage(
        "2", "报销流程如下：\n1. 登录财务系统\n2. 上传发票照片\n\n差旅住宿标准为每晚600元。", "财务制度"
    ),
    ContextPassage("3", "南京长江大桥于1968年通车，全长6772米。它是双层式桥梁。", "百科"),
]


@pytest.mark.parametrize(
    ("question", "quoted", "cited"),
    [
        ("What is Flywheel?", "Flywheel is one product for the whole life", 1),
        ("How do I start it?", "Start it with one command: [1]\n\n```\nmake up\n```", 1),
        (
            "Which file formats are supported?",
            "Supported formats: [2]\n\n- PDF and DOCX\n- Markdown\n- HTML and CSV",
            2,
        ),
        ("How big can a file be?", "“A file may have up to 100 MB.” [2]", 2),
        ("What may an annotator do?", "“annotator: correct answers” [2]", 2),
        ("Is Docker needed?", "e.g. no Docker or Redis.”", 1),
        ("When are partitions dropped?", "after 90 days.” [3]", 3),
    ],
)
def test_english_questions(question: str, quoted: str, cited: int) -> None:
    result = answer(question, GUIDE)
    assert quoted in result.text
    assert cited in result.cited
    assert result.text.startswith("From the sources:")
    assert result.text.endswith("no language model is connected yet._")


@pytest.mark.parametrize(
    ("question", "quoted", "cited"),
    [
        ("年假有几天？", "每年可享受5天带薪年假", 1),
        ("年假可以结转吗", "“年假应当在当年使用完毕，特殊情况可以结转至次年3月31日。” [1]", 1),
        ("怎么报销?", "报销流程如下： [2]\n\n- 登录财务系统\n- 上传发票照片", 2),
        ("出差住宿标准是多少", "差旅住宿标准为每晚600元。", 2),
        ("南京长江大桥是哪一年通车的？", "1968年通车", 3),
    ],
)
def test_chinese_questions(question: str, quoted: str, cited: int) -> None:
    result = answer(question, HANDBOOK)
    assert quoted in result.text
    assert cited in result.cited
    assert result.text.startswith("资料中的相关内容：")
    assert "尚未连接语言模型" in result.text


@pytest.mark.parametrize(
    ("question", "passages"),
    [
        ("What is the capital of France?", GUIDE),
        ("Who won the world cup?", GUIDE),
        ("What is Flywheel?", []),
        ("谁是美国总统？", HANDBOOK),
        ("Nanjing bridge?", HANDBOOK),
    ],
)
def test_it_says_when_nothing_fits(question: str, passages: list[ContextPassage]) -> None:
    result = answer(question, passages)
    assert result.cited == ()
    assert "do not answer this" in result.text or "没有找到这个问题的答案" in result.text


@pytest.mark.parametrize(
    ("greeting", "reply"), [("Hello!", "Hello! Ask me"), ("你好", "你好！"), ("what is it", "Hello!")]
)
def test_greetings_and_empty_questions_are_met_with_an_invitation(greeting: str, reply: str) -> None:
    assert answer(greeting, GUIDE).text.startswith(reply)


def test_every_quote_is_word_for_word_from_its_passage() -> None:
    text = answer("年假有几天？", HANDBOOK).text
    for quote in [part.split("”")[0] for part in text.split("“")[1:]]:
        assert quote in HANDBOOK[0].text


def test_a_sentence_that_refers_back_brings_the_one_before() -> None:
    assert "南京长江大桥于1968年通车" in answer("哪座是双层式桥梁？", HANDBOOK).text


def test_repeated_sentences_are_quoted_once() -> None:
    passage = ContextPassage("x", "The kiln reaches 1,300 degrees. The kiln reaches 1,300 degrees!", "")
    assert answer("How hot is the kiln?", [passage, passage]).text.count("1,300") == 1


def test_meaning_finds_what_shares_no_words() -> None:
    def similarity(question: str, texts: Sequence[str]) -> list[float]:
        return [0.9 if "Retention" in text else 0.1 for text in texts]

    assert "after 90 days" in answer("How long are traces kept?", GUIDE, similarity).text
    assert (
        "do not answer"
        in answer("How long are traces kept?", GUIDE, lambda _, texts: [0.1] * len(texts)).text
    )
    assert "- PDF and DOCX" in answer("Which formats are supported?", GUIDE, similarity).text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Use e.g. Python 3.11 here. Dr. Smith agrees.", ["Use e.g. Python 3.11 here.", "Dr. Smith agrees."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("第一句。第二句！“第三句？”他问。", ["第一句。", "第二句！", "“第三句？”", "他问。"]),
        ("Version 2.0.1 is out", ["Version 2.0.1 is out"]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


def test_markdown_is_read_as_its_pieces() -> None:
    text = (
        "# Head\n![x](y.png)\nA [link](u) and `code` here.\n\n---\n\n"
        "> A quoted line stands here.\n\n* an item on its own,\n  over two lines\n\n**Bold** words begin a line.\n\n"
        "| Name | Size | Colour |\n|---|---|---|\n| Kiln | large | red |"
    )
    assert [(q.text, q.heading) for q in quotes_in(text)] == [
        ("A link and `code` here.", "Head"),
        ("A quoted line stands here.", "Head"),
        ("an item on its own, over two lines", "Head"),
        ("**Bold** words begin a line.", "Head"),
        ("Kiln: Size large; Colour red", "Head Name Size Colour"),
    ]


@pytest.mark.parametrize(
    ("text", "chinese"),
    [("年假有几天", True), ("如何使用 Docker", True), ("What is 茶?", False), ("東京タワーはどこ", False)],
)
def test_the_language_of_a_question(text: str, *, chinese: bool) -> None:
    assert is_chinese(text) is chinese


def test_terms_drop_stop_words_and_endings() -> None:
    assert terms("How are the documents indexed?") == ["document", "index"]
    assert terms("请问年假有几天") == ["年假", "天"]


@given(st.text(max_size=200))
def test_pieces_are_the_text(text: str) -> None:
    text = text.replace("\r", "").replace("\x0b", "")
    assert "".join(pieces(text)).split() == text.split()


@given(st.text(max_size=80), st.lists(st.text(max_size=300), max_size=4))
def test_nothing_breaks_it(question: str, texts: list[str]) -> None:
    assert answer(question, [ContextPassage(str(i), text) for i, text in enumerate(texts)]).text
