"""DCLM's and Dolma 3's measures: both sides of every threshold by hand, and where the two differ."""

from __future__ import annotations

from typing import Any

import pytest

from filters import gopher_dclm
from filters.batch import Batch
from tests.filters.golden import decision, distinct, exact_page
from tests.growth import assert_linear

VARIANTS = ("dclm", "dolma3")


def prose(words: int) -> str:
    """Words of four letters, the first two stop words."""
    return " ".join(["that", "With", *distinct(words - 2, start=30)])


def lines(count: int, total: int, marked: str, plain: str) -> str:
    return "\n".join([marked] * count + [plain] * (total - count))


# rule: (column, text that is kept, text that is dropped, value kept, value dropped), in both variants
CASES: dict[str, tuple[str, str, str, float, float]] = {
    "few_characters": ("characters", "a" * 150, "a" * 149, 150, 149),
    "short": ("words", prose(50), prose(49) + " - .", 50, 49),
    "long": ("words", "that " * 100_000, "that " * 100_001, 100_000, 100_001),
    "short_words": ("word_length", "abc " * 60, "abc " * 59 + "ab", 3, 179 / 60),
    "long_words": ("word_length", ("a" * 10 + " ") * 60, ("a" * 10 + " ") * 59 + "b" * 11, 10, 601 / 60),
    "symbols": (
        "symbol_ratio",
        prose(90) + " #" * 10,
        prose(90) + " #" * 5 + " …" * 3 + " ..." * 3,
        0.1,
        11 / 101,
    ),
    "bullet_lines": ("bullet_lines", lines(9, 10, "● a", "b"), lines(10, 11, "• a", "b"), 0.9, 10 / 11),
    "ellipsis_lines": ("ellipsis_lines", lines(3, 10, "a…", "b.."), lines(4, 10, "a. . .", "b"), 0.3, 0.4),
    "non_alphabetic_words": (
        "non_alphabetic_words",
        prose(80) + " 12" * 20,
        prose(79) + " 12" * 20 + " -",
        0.2,
        0.21,
    ),
    "stop_words": ("stop_words", "the The", "the, the", 2, 1),
    "dup_line_frac": (
        "dup_line_frac",
        "\n".join([*distinct(7), "a", "a", "a"]),
        "\n".join([*distinct(6), "a", "a", "a", "a"]),
        0.3,
        0.4,
    ),
    "dup_para_frac": (
        "dup_para_frac",
        "\n\n".join([*distinct(7), "a", "a", "a"]),
        "\n\n".join([*distinct(6), "a", "a", "a", "a"]),
        0.3,
        0.4,
    ),
    "dup_line_char_frac": (
        "dup_line_char_frac",
        "a b c\na b c\n" + "b" * 40,
        "a b c\na b c\n" + "b" * 39,
        0.2,
        10 / 49,
    ),
    "dup_para_char_frac": (
        "dup_para_char_frac",
        "a b c\n\na b c\n\n" + "b" * 40,
        "a b c\n\na b c\n\n" + "b" * 39,
        0.2,
        10 / 49,
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rule", CASES)
def test_thresholds(rule: str, variant: str) -> None:
    column, kept, dropped, kept_value, dropped_value = CASES[rule]
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row, reasons = decision("gopher_dclm", text, variant=variant, min_characters=150)
        assert row[column] == pytest.approx(value, abs=1e-12)
        assert (rule in reasons) is fails


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("n", range(2, 11))
def test_ngrams(n: int, variant: str) -> None:
    """Two occurrences of an n-gram that is the longest of the most frequent, of a page's characters in words."""
    share = 20 - n if n > 4 else 24 - 2 * n
    name = f"dup_{n}_gram" if n > 4 else f"top_{n}_gram"
    gram = distinct(n, width=share, start=2000)
    whole = 2 * n * share * 100 // share
    for characters, fails in ((whole, False), (whole - 1, True)):
        row, reasons = decision("gopher_dclm", exact_page(gram, characters), variant=variant)
        assert row[name] == pytest.approx(2 * n * share / characters, abs=1e-12)
        assert (name in reasons) is fails


def both(text: str, column: str) -> tuple[Any, Any]:
    """A column in the two variants."""
    first, second = (decision("gopher_dclm", text, variant=variant)[0][column] for variant in VARIANTS)
    return first, second


def test_words_differ() -> None:
    assert both("don't e.g. x_y #1 - (a)", "words") == (3, 8)  # don't e.g. x_y; don t e g x y 1 a
    assert both("don't é.g. x_y #1 - (a)", "words") == (3, 5)  # don't é.g x_y 1 a
    assert both("no\xa0break", "words") == (1, 2)


def test_lengths_are_characters_or_bytes() -> None:
    assert both("é 世", "word_length") == (1, 2.5)
    # two lines of two characters, three and two bytes, of three and of four characters
    assert both("é\né\nab", "dup_line_char_frac") == (2 / 4, 4 / 6)


def test_spaced_dots_are_one_word_of_dolma3() -> None:
    assert both("a . . . b", "symbol_ratio") == (1 / 5, 1 / 3)
    assert both(". . . . . .....", "symbol_ratio") == (3 / 6, 3 / 2)  # `. . .` twice and `...` once


def test_lines_are_stripped_or_not() -> None:
    assert both(" - a\n\nb", "bullet_lines") == (1 / 2, 0)
    assert both("- a\n\nb", "bullet_lines") == (1 / 2, 1 / 3)
    assert both("a...\r\nb... \nc", "ellipsis_lines") == (2 / 3, 1 / 3)
    assert both("a\n a\n\n \nb", "dup_line_frac") == (2 / 3, 0)
    assert both("a\n\n a\n\n\nb", "dup_para_frac") == (2 / 3, 0)


def test_overlapping_top_ngrams() -> None:
    assert both("a a a a", "top_2_gram") == (6 / 4, 4 / 4)


def test_the_longest_of_the_most_frequent_counts_and_only_if_it_repeats() -> None:
    text = "a b. x. long word. y. a b. z. long word. q"  # a b and long word twice, no longer n-gram twice
    row, _ = decision("gopher_dclm", text)
    assert row["top_2_gram"] == pytest.approx(2 * 8 / 24)
    assert row["top_3_gram"] == 0
    assert decision("gopher_dclm", "one two six")[0]["top_2_gram"] == 0


def test_every_rule_is_tested_here_and_can_be_switched_off() -> None:
    settings = gopher_dclm.Settings(min_characters=150)
    names = {rule.name for rule in gopher_dclm.rules(settings)}
    assert names == set(CASES) | {f"top_{n}_gram" for n in (2, 3, 4)} | {
        f"dup_{n}_gram" for n in range(5, 11)
    }
    off: dict[str, Any] = dict.fromkeys(gopher_dclm.SPEC.thresholds)
    assert all(rule.threshold is None for rule in gopher_dclm.rules(gopher_dclm.Settings(**off)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_texts_of_a_batch_do_not_touch(variant: Any) -> None:
    texts = ["a..", ". b", "", ". . ", ". #\n\n", "\n\na", "é", "a a a a a a", "a"]
    settings = gopher_dclm.Settings(variant=variant)
    together = gopher_dclm.measure(Batch(texts), settings, {})
    for row, text in enumerate(texts):
        alone = gopher_dclm.measure(Batch([text]), settings, {})
        assert {name: values[row] for name, values in together.items()} == {
            name: values[0] for name, values in alone.items()
        }


def test_spans_show_what_is_counted() -> None:
    assert gopher_dclm.spans("a# . . .", "symbols", gopher_dclm.Settings()) == [(1, 2), (3, 8)]
    assert gopher_dclm.spans("● a\nb…", "bullet_lines", gopher_dclm.Settings()) == [(0, 3)]
    assert gopher_dclm.spans("* a\nb…", "ellipsis_lines", gopher_dclm.Settings()) == [(4, 6)]
    assert gopher_dclm.spans("* a", "short", gopher_dclm.Settings()) == []


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("unit", ["a ", "\n\n", ". ", "é…\r\n"])
def test_hostile_text_costs_linear_time(unit: str, variant: Any) -> None:
    settings = gopher_dclm.Settings(variant=variant)
    assert_linear(lambda size: gopher_dclm.measure(Batch([unit * size]), settings, {}), 20_000)
