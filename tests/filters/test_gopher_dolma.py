"""dolma's measures: both sides of every threshold by hand, and numbers that dolma's own taggers gave."""

from __future__ import annotations

from typing import Any

import pytest

from filters import gopher_dolma
from filters.batch import Batch
from tests.filters.golden import decision, distinct, exact_page
from tests.growth import assert_linear


def prose(words: int) -> str:
    """Words of four letters, the first two required ones."""
    return " ".join(["that", "with", *distinct(words - 2, start=30)])


def lines(count: int, total: int, marked: str, plain: str) -> str:
    return "\n".join([marked] * count + [plain] * (total - count))


# rule: (column, text that is kept, text that is dropped, value kept, value dropped)
CASES: dict[str, tuple[str, str, str, float, float]] = {
    "short": ("words", prose(50), prose(49), 50, 49),
    "long": ("words", "that " * 100_000, "that " * 100_001, 100_000, 100_001),
    "short_words": ("word_length", "abc " * 60, "abc " * 30 + "ab " * 30, 3, 2.5),
    "long_words": (
        "word_length",
        ("a" * 10 + " ") * 60,
        ("a" * 10 + " ") * 30 + ("b" * 11 + " ") * 30,
        10,
        10.5,
    ),
    "symbol_words": ("symbol_words", prose(90) + " a#b" * 10, prose(90) + " …#" * 11, 0.1, 11 / 101),
    "alphabetic_words": (
        "alphabetic_words",
        prose(80) + " 12" * 20,
        prose(79) + " 12" * 20 + " 7",
        0.8,
        0.79,
    ),
    "required_words": ("required_words", "the the", "the The", 2, 1),
    "bullet_lines": ("bullet_lines", lines(9, 10, "* a", "b"), lines(10, 11, "- a", " * b"), 0.9, 10 / 11),
    "ellipsis_lines": ("ellipsis_lines", lines(3, 10, "a…", "b..."), lines(4, 10, "a…", "b… "), 0.3, 0.4),
    "dup_lines": (
        "dup_lines",
        "\n".join([*distinct(7), "a", "a", "a"]),
        "\n".join([*distinct(6), "a", "a", "a", "a"]),
        0.3,
        0.4,
    ),
    # two lines of fifteen characters, spaces included, to the characters of words
    "dup_line_chars": (
        "dup_line_chars",
        "seven and seven\nseven and seven\n" + "b" * 74,
        "seven and seven\nseven and seven\n" + "b" * 73,
        0.3,
        30 / 99,
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_thresholds(rule: str) -> None:
    column, kept, dropped, kept_value, dropped_value = CASES[rule]
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row, reasons = decision("gopher_dolma", text)
        assert row[column] == pytest.approx(value, abs=1e-12)
        assert (rule in reasons) is fails


@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 10])
def test_repeated_ngrams(n: int) -> None:
    """All occurrences against all n-grams; the last word of the page is in one n-gram only."""
    share = 20 - n  # per cent
    gram = distinct(n, width=share, start=2000)
    wanted = 2 * n * share * 100 // share
    base = [*gram, "b", *gram, "c"]
    inner = sum(len("".join(base[i : i + n])) for i in range(len(base) - n + 1))
    tail = wanted - inner - len("".join(base[len(base) - n + 1 :]))
    for length, value, fails in ((tail, share / 100, False), (tail - 1, 2 * n * share / (wanted - 1), True)):
        row, reasons = decision("gopher_dolma", " ".join([*base, "y" * length]))
        assert row[f"dup_{n}_gram"] == pytest.approx(value, abs=1e-12)
        assert (f"dup_{n}_gram" in reasons) is fails


@pytest.mark.parametrize(("n", "share"), [(2, 20), (3, 18), (4, 16)])
def test_top_ngrams_drop_only_as_intended(n: int, share: int) -> None:
    gram = distinct(n, width=share, start=2000)
    whole = 2 * n * share * 100 // share
    for characters, fails in ((whole, False), (whole - 1, True)):
        text = exact_page(gram, characters)
        row, reasons = decision("gopher_dolma", text, top_ngrams="intended")
        assert row[f"top_{n}_gram"] == pytest.approx(2 * n * share / characters, abs=1e-12)
        assert (f"top_{n}_gram" in reasons) is fails
        assert f"top_{n}_gram" not in decision("gopher_dolma", text)[1]


def test_blank_lines_are_duplicates_in_v1_alone() -> None:
    text = "one\n\ntwo\n\n\nsix"
    assert decision("gopher_dolma", text, variant="v1")[0]["dup_lines"] == 3 / 6
    assert decision("gopher_dolma", text)[0]["dup_lines"] == 0
    # an empty part at each end of the text, before and after the one line
    assert decision("gopher_dolma", "\n\none\n")[0]["dup_lines"] == 2 / 3


HASH = "# one\n* two …\n\n- two …\n\n\n# one\nthe end of the end of the end …\n"
LOOP = "to be or not to be that is to be\n\nto be or not to be"
RUN = "ab " * 12 + "\n" + "ab " * 12
NAMES = (
    "words", "word_length", "symbol_words", "alphabetic_words", "required_words", "bullet_lines", "ellipsis_lines",
    "dup_lines", "dup_line_chars", "top_2_gram", "top_3_gram", "top_4_gram", "dup_5_gram", "dup_6_gram", "dup_7_gram",
    "dup_8_gram", "dup_9_gram", "dup_10_gram",
)  # fmt: skip
# What dolma 1.2.1 answers for these texts, v1 and v2, in the order of NAMES.
DOLMA: dict[tuple[str, str], list[float]] = {
    (HASH, "v1"): [
        19.0,
        3.0,
        0.26315789473684,
        0.63157894736842,
        5.0,
        0.22222222222222,
        0.33333333333333,
        0.66666666666667,
        0.24390243902439,
        0.4390243902439,
        0.39024390243902,
        0.53658536585366,
        0.16867469879518,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ],
    (HASH, "v2"): [
        19.0,
        3.0,
        0.26315789473684,
        0.63157894736842,
        5.0,
        0.33333333333333,
        0.5,
        0.33333333333333,
        0.24390243902439,
        0.4390243902439,
        0.39024390243902,
        0.53658536585366,
        0.16867469879518,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ],
    (LOOP, "v1"): [
        16.0,
        2.0,
        0.0,
        1.0,
        11.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.55555555555556,
        0.33333333333333,
        0.5,
        0.32116788321168,
        0.17218543046358,
        0.0,
        0.0,
        0.0,
        0.0,
    ],
    (LOOP, "v2"): [
        16.0,
        2.0,
        0.0,
        1.0,
        11.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.55555555555556,
        0.33333333333333,
        0.5,
        0.32116788321168,
        0.17218543046358,
        0.0,
        0.0,
        0.0,
        0.0,
    ],
    (RUN, "v1"): [
        24.0,
        2.0,
        0.0,
        1.0,
        0.0,
        0.0,
        0.0,
        1.0,
        1.5,
        1.91666666666667,
        2.75,
        3.5,
        1.0,
        1.0,
        1.0,
        1.0,
        1.0,
        1.0,
    ],
    (RUN, "v2"): [
        24.0,
        2.0,
        0.0,
        1.0,
        0.0,
        0.0,
        0.0,
        1.0,
        1.5,
        1.91666666666667,
        2.75,
        3.5,
        1.0,
        1.0,
        1.0,
        1.0,
        1.0,
        1.0,
    ],
}


@pytest.mark.parametrize(("text", "variant"), DOLMA)
def test_values_are_those_of_dolma(text: str, variant: Any) -> None:
    row, _ = decision("gopher_dolma", text, variant=variant)
    assert [row[name] for name in NAMES] == pytest.approx(DOLMA[text, variant], abs=1e-12)


def test_every_rule_is_tested_here_and_can_be_switched_off() -> None:
    settings = gopher_dolma.Settings(top_ngrams="intended")
    names = {rule.name for rule in gopher_dolma.rules(settings)}
    assert names == set(CASES) | {f"top_{n}_gram" for n in (2, 3, 4)} | {
        f"dup_{n}_gram" for n in range(5, 11)
    }
    assert all(rule.threshold is not None for rule in gopher_dolma.rules(settings))
    off = {name: None for name in gopher_dolma.SPEC.thresholds if name != "top_ngrams"}
    assert all(rule.threshold is None for rule in gopher_dolma.rules(gopher_dolma.Settings(**off)))


def test_texts_of_a_batch_do_not_touch() -> None:
    texts = [HASH, "", LOOP, "\n", RUN]
    together = gopher_dolma.measure(Batch(texts), gopher_dolma.Settings(), {})
    for row, text in enumerate(texts):
        alone = gopher_dolma.measure(Batch([text]), gopher_dolma.Settings(), {})
        assert {name: values[row] for name, values in together.items()} == {
            name: values[0] for name, values in alone.items()
        }


def test_spans_show_what_is_counted() -> None:
    assert gopher_dolma.spans("a# …", "symbol_words", gopher_dolma.Settings()) == [(1, 2), (3, 4)]
    assert gopher_dolma.spans("* a\nb…", "bullet_lines", gopher_dolma.Settings()) == [(0, 3)]
    assert gopher_dolma.spans("* a\nb…", "ellipsis_lines", gopher_dolma.Settings()) == [(4, 6)]
    assert gopher_dolma.spans("* a", "short", gopher_dolma.Settings()) == []


@pytest.mark.parametrize("unit", ["a ", "\n", "# …\n", "ab\n", "a" * 70 + " "])
def test_hostile_text_costs_linear_time(unit: str) -> None:
    settings = gopher_dolma.Settings()
    assert_linear(lambda size: gopher_dolma.measure(Batch([unit * size]), settings, {}), 20_000)
