"""Hand-computed documents on both sides of every threshold: each pair differs in one step of the measure."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from filters import FILTERS, c4
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.text.words import WordSplitter
from pipeline import assets


def decision(splitter: WordSplitter, name: str, text: str, **values: Any) -> tuple[dict[str, Any], list[str]]:
    """A document's signals and all failing rules of one filter."""
    chain = Chain(chain_steps([{name: values}]), {"english_tokenizer": assets.load("english_tokenizer")})
    chain._splitter = splitter
    applied = chain.apply(from_rows([{"id": "x", "url": "http://example.com/", "text": text}]))
    return applied.documents.to_pylist()[0], applied.verdict.reasons.to_pylist()[0]


def distinct(count: int, start: int = 0, width: int = 4) -> list[str]:
    """Distinct words of letters, all of one length."""
    letters = "bcdfghjklmnpqrstvwxz"
    words = []
    for number in range(start, start + count):
        word = ""
        for _ in range(width):
            number, digit = divmod(number, len(letters))
            word += letters[digit]
        words.append(word)
    return words


# name: (text that is kept, text that is dropped, value kept, value dropped)
REPETITION = {
    # 3 of 10 paragraphs are copies; then 4 of 11
    "dup_para_frac": (
        "\n\n".join([*distinct(7), "bbbb", "bbbb", "bbbb"]),
        "\n\n".join([*distinct(7), "bbbb", "bbbb", "bbbb", "bbbb"]),
        3 / 10,
        4 / 11,
    ),
    # of 100 characters 20 are copies; of 99
    "dup_para_char_frac": ("a" * 20 + "\n\n" + "a" * 20 + "\n\n" + "b" * 56, None, 0.2, None),
    "dup_line_frac": (
        "\n".join([*distinct(7), "bbbb", "bbbb", "bbbb"]),
        "\n".join([*distinct(7), "bbbb", "bbbb", "bbbb", "bbbb"]),
        3 / 10,
        4 / 11,
    ),
    "dup_line_char_frac": ("a" * 20 + "\n" + "a" * 20 + "\n" + "b" * 58, None, 0.2, None),
}


@pytest.mark.parametrize("rule", REPETITION)
def test_repetition_of_lines_and_paragraphs(splitter: WordSplitter, rule: str) -> None:
    kept, dropped, kept_value, dropped_value = REPETITION[rule]
    if dropped is None:
        dropped, dropped_value = kept[:-1], 20 / 99
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row, reasons = decision(splitter, "gopher_repetition", text)
        assert row[f"gopher_repetition_{rule}"] == pytest.approx(value, abs=1e-12)
        assert (f"gopher_repetition.{rule}" in reasons) is fails


@pytest.mark.parametrize(("n", "share"), [(2, 0.20), (3, 0.18), (4, 0.16)])
def test_top_ngrams(splitter: WordSplitter, n: int, share: float) -> None:
    gram = " ".join(distinct(n, 5000))
    size = 2 * len(gram)
    total = math.ceil(size / share - 1e-9)
    for length, fails in ((total, False), (total - 1, True)):
        # two occurrences apart, then distinct words, the last one as long as is missing
        words = [gram, distinct(1, 9)[0], gram]
        fill = distinct(200, 100)
        while len(" ".join(words)) + 6 < length - 5:
            words.append(fill.pop())
        words.append("y" * (length - len(" ".join(words)) - 1))
        text = " ".join(words)
        assert len(text) == length
        row, reasons = decision(splitter, "gopher_repetition", text)
        assert row[f"gopher_repetition_top_{n}_gram"] == pytest.approx(size / length, abs=1e-12)
        assert (f"gopher_repetition.top_{n}_gram" in reasons) is fails


@pytest.mark.parametrize("n", range(5, 11))
def test_repeated_ngrams(splitter: WordSplitter, n: int) -> None:
    share = (20 - n) / 100
    words = distinct(n, 5000, width=5)
    size = 5 * n  # characters of one repetition, without spaces
    total = math.ceil(size / share - 1e-9)
    for length, fails in ((total, False), (total - 1, True)):
        parts = [*words, "qqqqq", *words]
        fill = distinct(400, 100)
        while len(" ".join(parts)) + 6 < length - 5:
            parts.append(fill.pop())
        missing = length - len(" ".join(parts)) - 1
        text = " ".join([*parts, "y" * missing])
        assert missing > 0
        assert len(text) == length
        row, reasons = decision(splitter, "gopher_repetition", text)
        assert row[f"gopher_repetition_dup_{n}_gram"] == pytest.approx(size / length, abs=1e-12)
        assert (f"gopher_repetition.dup_{n}_gram" in reasons) is fails


def prose(words: int) -> str:
    """Words of four letters, the first two stop words."""
    return " ".join(["that", "with", *distinct(words - 2, 30)])


def fraction_lines(count: int, total: int, marked: str, plain: str) -> str:
    return "\n".join([marked] * count + [plain] * (total - count))


QUALITY: dict[str, tuple[str, str, str, float, float]] = {
    "short": ("words", prose(50), prose(49) + " . . .", 50, 49),
    "long": (
        "words",
        " ".join(["that with"] * 50_000),
        " ".join(["that with"] * 50_000 + ["one"]),
        100_000,
        100_001,
    ),
    "short_words": ("word_length", "abc " * 60, "abc " * 59 + "ab", 3, (59 * 3 + 2) / 60),
    "long_words": ("word_length", ("a" * 10 + " ") * 60, ("a" * 10 + " ") * 59 + "b" * 11, 10, 10 + 1 / 60),
    # 90 words and 10 marks: 10 of 100 tokens; then 11 of 101
    "hashes": ("hash_ratio", prose(90) + " #" * 10, prose(90) + " #" * 11, 0.1, 11 / 101),
    "ellipses": ("ellipsis_ratio", prose(90) + " …" * 10, prose(90) + " …" * 5 + " ..." * 6, 0.1, 11 / 101),
    "bullet_lines": (
        "bullet_lines",
        fraction_lines(9, 10, "- that with", "with that"),
        fraction_lines(10, 11, " • that with", "with that"),
        0.9,
        10 / 11,
    ),
    "ellipsis_lines": (
        "ellipsis_lines",
        fraction_lines(3, 10, "that with...", "with that"),
        fraction_lines(4, 10, "that with … ", "with that"),
        0.3,
        0.4,
    ),
    "alphabetic_words": (
        "alphabetic_words",
        prose(80) + " 12" * 20,
        prose(79) + " 12" * 20 + " 7",
        0.8,
        0.79,
    ),
    "stop_words": ("stop_words", "the of", "the the The", 2, 1),
}


@pytest.mark.parametrize("rule", QUALITY)
def test_gopher_quality(splitter: WordSplitter, rule: str) -> None:
    column, kept, dropped, kept_value, dropped_value = QUALITY[rule]
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row, reasons = decision(splitter, "gopher_quality", text)
        assert row[f"gopher_quality_{column}"] == pytest.approx(value, abs=1e-12)
        assert (f"gopher_quality.{rule}" in reasons) is fails


LONG = "This line has many words."

C4: dict[str, tuple[str, str, str, int, int]] = {
    "sentences": ("sentences", "\n".join([LONG] * 5), "\n".join([LONG] * 4 + ["two words."]), 5, 4),
    "lorem_ipsum": ("lorem_ipsum", LONG * 5 + "\nLorem ipsum", LONG * 5 + "\nA Lorem Ipsum dolor.", 0, 1),
    "curly_bracket": ("curly_bracket", LONG * 5 + "\na {", LONG * 5 + "\na function {", 0, 1),
}


@pytest.mark.parametrize("rule", C4)
def test_c4(splitter: WordSplitter, rule: str) -> None:
    column, kept, dropped, kept_value, dropped_value = C4[rule]
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row, reasons = decision(splitter, "c4", text)
        assert row[f"c4_{column}"] == value
        assert (f"c4.{rule}" in reasons) is fails


def test_c4s_longest_page(splitter: WordSplitter) -> None:
    text = "\n".join([LONG] * 10)
    assert decision(splitter, "c4", text, max_characters=len(text))[1] == []
    row, reasons = decision(splitter, "c4", text, max_characters=len(text) - 1)
    assert (row["c4_characters"], reasons) == (len(text), ["c4.long"])
    most = {name: c4.Settings(variant=name).characters for name in ("paper", "datatrove")}
    assert most == {"paper": 190_000, "datatrove": None}


FINEWEB: dict[str, tuple[str, str, str, float, float]] = {
    "line_punct": (
        "line_punct",
        fraction_lines(3, 25, "It ends.", "It does not"),
        fraction_lines(2, 25, "It ends。", "It does not"),
        0.12,
        0.08,
    ),
    "short_lines": (
        "short_lines",
        "\n".join(["a" * 30] * 67 + ["b" * 31] * 33),
        "\n".join(["a" * 30] * 68 + ["b" * 31] * 32),
        0.67,
        0.68,
    ),
    "char_dup": (
        "char_dup",
        "c" * 10 + "\n" + "c" * 10 + "\n\n" + "d" * 980,
        "c" * 10 + "\n" + "c" * 10 + "\n\n" + "d" * 979,
        0.01,
        10 / 999,
    ),
    "newline_ratio": (
        "newline_ratio",
        "one two three\n\n\nfour five six seven eight nine ten",
        "one two three\n\n\n\nfour five six seven eight nine ten",
        0.3,
        0.4,
    ),
}


@pytest.mark.parametrize("rule", FINEWEB)
def test_fineweb(splitter: WordSplitter, rule: str) -> None:
    column, kept, dropped, kept_value, dropped_value = FINEWEB[rule]
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row, reasons = decision(splitter, "fineweb", text)
        assert row[f"fineweb_{column}"] == pytest.approx(value, abs=1e-12)
        assert (f"fineweb.{rule}" in reasons) is fails


def test_every_rule_of_the_text_filters_is_tested_here() -> None:
    tested = {"gopher_quality": set(QUALITY), "c4": {*C4, "long"}, "fineweb": set(FINEWEB)}
    tested["gopher_repetition"] = (
        set(REPETITION) | {f"top_{n}_gram" for n in (2, 3, 4)} | {f"dup_{n}_gram" for n in range(5, 11)}
    )
    for name, rules in tested.items():
        spec = FILTERS[name]
        assert {rule.name for rule in spec.rules(spec.settings())} == rules


@pytest.mark.parametrize("name", ["gopher_repetition", "gopher_quality", "c4", "fineweb"])
def test_a_null_threshold_switches_its_rule_off(splitter: WordSplitter, name: str) -> None:
    spec = FILTERS[name]
    off = dict.fromkeys(spec.thresholds)
    assert all(rule.threshold is None for rule in spec.rules(spec.settings(**off)))
    bad = "- # ... {\n" * 30
    assert decision(splitter, name, bad)[1]
    assert decision(splitter, name, bad, **off)[1] == []


def test_empty_tables_have_every_column(splitter: WordSplitter) -> None:
    chain = Chain(chain_steps(["gopher_repetition", "gopher_quality", "c4", "fineweb"]))
    chain._splitter = splitter
    empty = chain.apply(from_rows([])).documents
    full = chain.apply(from_rows([{"id": "x", "url": "", "text": "word"}])).documents
    assert empty.schema == full.schema
    assert empty.num_rows == 0
    assert not any(pa.types.is_null(field.type) for field in empty.schema)
