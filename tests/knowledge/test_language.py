"""Language detection: good enough to know what an English-only embedding can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.knowledge.analysis import detect_language, is_english
from apps.knowledge.analysis.language import script_shares


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I reset the password of my account?", "en"),
        ("武汉长江大桥什么时候通车？", "zh"),
        ("東京タワーの高さはどのくらいですか", "ja"),
        ("대한민국의 수도는 어디입니까", "ko"),
        ("Какая столица России?", "ru"),
        ("ما هي عاصمة مصر؟", "ar"),
        ("Wie hoch ist der Turm und wann wurde er gebaut?", "de"),
        ("Quelle est la capitale de la France ?", "fr"),
        ("¿Cuál es la capital de España y dónde está?", "es"),
        ("Come si chiama la città che è capitale?", "it"),
        ("12345 -- 67", "und"),
        ("", "und"),
    ],
)
def test_language_of_a_sentence(text, language):
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "text",
    ["refund policy", "GPT-4 price", "what is RAG?", "42", "error in die casting", "los angeles office"],
)
def test_short_english_queries_count_as_english(text):
    assert is_english(text)


@pytest.mark.parametrize("text", ["退款流程", "OOM怎么办", "wie geht das", "где мой заказ"])
def test_other_languages_do_not_count_as_english(text):
    assert not is_english(text)


@given(st.text(max_size=200))
def test_shares_sum_to_one_and_detection_never_fails(text):
    shares = script_shares(text)
    assert not shares or abs(sum(shares.values()) - 1) < 1e-9
    assert detect_language(text)
    assert is_english(text) in {True, False}
