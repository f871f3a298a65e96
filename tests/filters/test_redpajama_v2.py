"""RedPajama-v2's signals: documents counted by hand, and every signal against its definition in plain Python."""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from typing import Any

import numpy as np
import pytest

from filters import redpajama_v2
from filters.batch import Batch
from filters.redpajama_v2 import ELSEWHERE, PUBLISHED, Settings
from tests.growth import assert_linear

# The published list: README of RedPajama-Data, `ccnet_*` and `rps_*`.
TAGS = """
ccnet_bucket ccnet_language_score ccnet_length ccnet_nlines ccnet_original_length ccnet_original_nlines
ccnet_perplexity rps_doc_books_importance rps_doc_openwebtext_importance rps_doc_wikipedia_importance
rps_doc_ml_wikiref_score rps_doc_ml_palm_score rps_doc_ml_wikipedia_score rps_doc_curly_bracket
rps_doc_frac_all_caps_words rps_doc_frac_lines_end_with_ellipsis rps_doc_frac_no_alph_words rps_doc_lorem_ipsum
rps_doc_mean_word_length rps_doc_stop_word_fraction rps_doc_symbol_to_word_ratio rps_doc_frac_unique_words
rps_doc_unigram_entropy rps_doc_word_count rps_doc_num_sentences rps_doc_ldnoobw_words rps_doc_ut1_blacklist
rps_doc_frac_chars_dupe_5grams rps_doc_frac_chars_dupe_6grams rps_doc_frac_chars_dupe_7grams
rps_doc_frac_chars_dupe_8grams rps_doc_frac_chars_dupe_9grams rps_doc_frac_chars_dupe_10grams
rps_doc_frac_chars_top_2gram rps_doc_frac_chars_top_3gram rps_doc_frac_chars_top_4gram
rps_lines_ending_with_terminal_punctution_mark rps_lines_javascript_counts rps_lines_num_words
rps_lines_numerical_chars_fraction rps_lines_start_with_bulletpoint rps_lines_uppercase_letter_fraction
""".split()


def measured(*texts: str, **values: Any) -> list[dict[str, float]]:
    settings = Settings(**values)
    columns = redpajama_v2.measure(Batch(texts), settings, {})
    assert list(columns) == [signal.column for signal in redpajama_v2.signals(settings)]
    assert all(np.isfinite(column).all() for column in columns.values())
    return [{name: column[i] for name, column in columns.items()} for i in range(len(texts))]


def test_every_published_tag_has_a_place() -> None:
    assert sorted([*PUBLISHED, *ELSEWHERE]) == sorted(TAGS)
    columns = {signal.column for signal in redpajama_v2.signals(Settings())}
    assert set(PUBLISHED.values()) <= columns


# text: {column without `rpv2_`: value}
BY_HAND: list[tuple[str, dict[str, float]]] = [
    # raw words: The cat ' s {} # ... 12 _x HTML (ten); normalised: the cats 12 x html
    (
        "The cat's {} #... 12 _x HTML",
        {
            "ccnet_length": 28,
            "doc_curly_bracket": 2 / 28,
            "doc_frac_all_caps_words": 1 / 9,
            "doc_frac_no_alph_words": 4 / 9,  # ' {} #... 12
            "doc_stop_word_fraction": 1 / 9,  # s; The is not lower case
            "doc_symbol_to_word_ratio": 2 / 9,
            "doc_word_count": 5,
            "doc_mean_word_length": (3 + 4 + 2 + 1 + 4) / 5,
            "doc_frac_unique_words": 1,
            "doc_unigram_entropy": math.log(5),
            "lines_uppercase_letter_fraction": 5 / 28,
            "lines_numerical_chars_fraction": 2 / 18,  # the cats 12 x html
        },
    ),
    # five lines: a newline is a character of its line, what is empty after the last is no line
    (
        "• One two…\n- three...\n\nJavaScript, javascript!\nEnd”\n",
        {
            "ccnet_nlines": 6,
            "doc_frac_lines_end_with_ellipsis": 2 / 5,
            "lines_start_with_bulletpoint": 1 / 5,
            "lines_ending_with_terminal_punctution_mark": 3 / 5,  # `...` ends with a full stop
            "lines_javascript_counts": 2,
            "lines_javascript_fraction": 1 / 5,
            "lines_num_words": (3 + 1 + 0 + 2 + 1) / 5,  # the bullet and `two…` are words
            "lines_uppercase_letter_fraction": 4 / 52,
            "lines_uppercase_letter_mean": (1 / 11 + 0 + 0 + 2 / 24 + 1 / 5) / 5,
        },
    ),
    ("One. Two three? - . (Four", {"doc_num_sentences": 3}),
    ("pi is 3.14... no", {"doc_num_sentences": 3}),  # `pi is 3.`, `14...`, `no`
    ("... - !", {"doc_num_sentences": 0, "doc_word_count": 0, "doc_unigram_entropy": 0}),
    ("Lorem ipsum a lorem, ipsums", {"doc_lorem_ipsum": 2 / 26}),
    # a b a b a c: `a b` twice and `b a` twice; the first one counts
    (
        "aa b aa b aa c",
        {
            "doc_frac_chars_top_2gram": 2 * 3 / 9,
            "doc_frac_chars_top_3gram": 2 * 5 / 9,  # overlapping occurrences count in full
            "doc_frac_chars_top_4gram": 0,
            "doc_frac_unique_words": 3 / 6,
            "doc_unigram_entropy": -(
                3 / 6 * math.log(3 / 6) + 2 / 6 * math.log(2 / 6) + 1 / 6 * math.log(1 / 6)
            ),
        },
    ),
    (
        "a b c d e x A, b c d e!",
        {"doc_frac_chars_dupe_5grams": 10 / 11, "doc_frac_chars_dupe_6grams": 0},
    ),
    (
        "a b c d e f x a b c d e f",
        {"doc_frac_chars_dupe_5grams": 12 / 13, "doc_frac_chars_dupe_6grams": 12 / 13},
    ),
    ("", {"ccnet_length": 0, "ccnet_nlines": 1, "lines_num_words": 0, "doc_mean_word_length": 0}),
    ("ǅA AB", {"doc_frac_all_caps_words": 1 / 2}),  # a title-case letter is not a capital
]


@pytest.mark.parametrize(("text", "expected"), BY_HAND)
def test_by_hand(text: str, expected: dict[str, float]) -> None:
    row = measured(text)[0]
    for name, value in expected.items():
        assert row[f"rpv2_{name}"] == pytest.approx(value, abs=1e-12), name


def normal(text: str) -> str:
    text = text.translate(str.maketrans("", "", string.punctuation)).lower().strip()
    return unicodedata.normalize("NFD", re.sub(r"\s+", " ", text))


def in_plain_python(text: str, stop_words: frozenset[str]) -> dict[str, float]:
    """The definitions, read off the published descriptions."""
    words, raw = normal(text).split(), re.findall(r"\w+|[^\w\s]+", text)
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    tidy = [normal(line) for line in lines]
    counts = Counter(words)
    size = sum(map(len, words))

    def over(part: float, whole: float) -> float:
        return part / whole if whole else 0.0

    found = {
        "ccnet_length": len(text),
        "ccnet_nlines": text.count("\n") + 1,
        "doc_curly_bracket": over(text.count("{") + text.count("}"), len(text)),
        "doc_frac_all_caps_words": over(sum(map(str.isupper, raw)), len(raw)),
        "doc_frac_lines_end_with_ellipsis": over(
            sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)
        ),
        "doc_frac_no_alph_words": over(sum(not re.search("[a-zA-Z]", word) for word in raw), len(raw)),
        "doc_lorem_ipsum": over(normal(text).count("lorem ipsum"), len(normal(text))),
        "doc_mean_word_length": over(size, len(words)),
        "doc_stop_word_fraction": over(sum(word in stop_words for word in raw), len(raw)),
        "doc_symbol_to_word_ratio": over(sum(map(text.count, ("#", "...", "…"))), len(raw)),
        "doc_frac_unique_words": over(len(counts), len(words)),
        "doc_unigram_entropy": -sum(c / len(words) * math.log(c / len(words)) for c in counts.values()),
        "doc_word_count": len(words),
        "doc_num_sentences": len(re.findall(r"\b[^.!?]+[.!?]*", text)),
        "lines_ending_with_terminal_punctution_mark": over(
            sum(line.rstrip().endswith((".", "!", "?", "”")) for line in lines), len(lines)
        ),
        "lines_javascript_counts": sum(line.split().count("javascript") for line in tidy),
        "lines_num_words": over(sum(len(line.split()) for line in tidy), len(lines)),
        "lines_numerical_chars_fraction": over(
            sum(sum(map(str.isnumeric, line)) for line in tidy), sum(map(len, tidy))
        ),
        "lines_start_with_bulletpoint": over(
            sum(line.lstrip().startswith(tuple("•‣▶◀◦■□▪▫–")) for line in lines), len(lines)
        ),
        "lines_uppercase_letter_fraction": over(sum(map(str.isupper, text)), len(text)),
        "lines_javascript_fraction": over(sum("javascript" in line.split() for line in tidy), len(lines)),
        "lines_numerical_chars_mean": over(
            sum(over(sum(map(str.isnumeric, line)), len(line)) for line in tidy), len(lines)
        ),
        "lines_uppercase_letter_mean": over(
            sum(over(sum(map(str.isupper, line)), len(line)) for line in lines), len(lines)
        ),
    }
    for n in range(2, 11):
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        numbers = Counter(grams)
        if n < 5:
            gram, times = max(numbers.items(), key=lambda item: item[1], default=((), 0))
            found[f"doc_frac_chars_top_{n}gram"] = (
                over(sum(map(len, gram)) * times, size) if times > 1 else 0.0
            )
        else:
            inside = {k for i, gram in enumerate(grams) if numbers[gram] > 1 for k in range(i, i + n)}
            found[f"doc_frac_chars_dupe_{n}grams"] = over(sum(len(words[k]) for k in inside), size)
    return {f"rpv2_{name}": value for name, value in found.items()}


def test_real_pages_equal_the_definitions(real_texts: list[tuple[str, str]]) -> None:
    texts = [text for _, text in real_texts[:120]]
    stop_words = frozenset(Settings().stop_words)
    for text, row in zip(texts, measured(*texts), strict=True):
        expected = in_plain_python(text, stop_words)
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-9), name


def test_stop_words_of_another_language() -> None:
    row = measured("der Hund und die Katze", stop_words=("der", "die", "und"))[0]
    assert row["rpv2_doc_stop_word_fraction"] == 3 / 5


def test_no_rule_is_on() -> None:
    rules = redpajama_v2.rules(Settings())
    assert rules
    assert all(rule.threshold is None for rule in rules)


def test_every_threshold_has_one_rule() -> None:
    names = redpajama_v2.SPEC.thresholds
    for name in sorted(names):
        on = [rule for rule in redpajama_v2.rules(Settings(**{name: 1})) if rule.threshold is not None]
        assert len(on) == 1, name
        assert on[0].drop_when == ("<" if name.startswith("min") else ">")


def test_same_in_any_batch() -> None:
    texts = [text for text, _ in BY_HAND]
    assert measured(*texts) == [measured(text)[0] for text in texts]


@pytest.mark.parametrize("unit", ["word ", "a. ", "\n", "Σ", "..."])
def test_linear(unit: str) -> None:
    assert_linear(lambda size: measured(unit * size), 10_000)
