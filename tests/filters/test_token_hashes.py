from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.hashing import mixed
from filters.text import layout
from filters.text.token_hashes import END, Scheme, extended, token_hash, tokens
from tests.growth import assert_linear

TEXTS = st.lists(st.text(st.sampled_from("ab_1٣é.-'… \n\t\u00a0日本ไทยक्ष"), max_size=30), max_size=4)


def cut(text: str, scheme: Scheme) -> list[str]:
    """The tokens, by definition."""
    if scheme == "wordpunct":
        return re.findall(r"\w+|[^\w\s]+", text)
    return [part for part in re.split(r"[\t\n\v\f\r ]+", text) if part]


@pytest.mark.parametrize("scheme", ["wordpunct", "spaces"])
@settings(deadline=None)
@given(TEXTS)
def test_tokens_are_those_of_the_patterns(scheme: Scheme, texts: list[str]) -> None:
    found = tokens(*layout.code_points(texts), scheme, False)
    wanted = [[token_hash(token) for token in cut(text, scheme)] for text in texts]
    assert found.hashes.tolist() == [value for one in wanted for value in one]
    assert [end - start for start, end in zip(found.offsets, found.offsets[1:], strict=False)] == [
        len(one) for one in wanted
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("it's 2024, a_b…", ["it", "'", "s", "0000", ",", "a_b", "…"]),
        ("٣٤", ["00"]),
        ("日本go", ["日", "本", "go"]),
        ("क्षेत्र", ["क्षेत्र"]),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("--", ["-", "-"]),
        ("", []),
    ],
)
def test_words_of_language_models(text: str, wanted: list[str]) -> None:
    found = tokens(*layout.code_points([text]), "words", False)
    assert found.hashes.tolist() == list(map(token_hash, wanted))


def test_lines_end_where_they_have_a_token() -> None:
    found = tokens(*layout.code_points(["\n a\n\n b c \n", "", "d"]), "words", True)
    a, b, c, d = map(token_hash, "abcd")
    assert found.hashes.tolist() == [a, END, b, c, END, d, END]
    assert found.offsets.tolist() == [0, 5, 5, 7]


def test_keys_are_stable() -> None:
    a, b = token_hash("a"), token_hash("b")
    assert a == mixed(12638187200555641996)  # FNV-1a of `a`, mixed
    assert extended(a, b) == mixed((a * 0x9E3779B97F4A7C15 + b) % 2**64)
    assert extended(a, b) != extended(b, a)


def test_cost_is_linear() -> None:
    def work(size: int) -> None:
        for scheme in ("wordpunct", "words", "spaces"):
            tokens(*layout.code_points(["a" * size, "a." * size, "\n" * size]), scheme, True)

    assert_linear(work, 20_000)
