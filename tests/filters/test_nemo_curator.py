"""NeMo Curator's heuristics: both sides of every threshold by hand, and every measure against its definition."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pytest

from filters import nemo_curator
from filters.batch import Batch
from filters.nemo_curator import BOILERPLATE, COMMON_WORDS, ELLIPSES, Settings
from tests.growth import assert_linear


def measured(*texts: str) -> list[dict[str, float]]:
    columns = nemo_curator.measure(Batch(texts), Settings(), {})
    assert list(columns) == [signal.column for signal in nemo_curator.signals(Settings())]
    assert all(np.isfinite(column).all() for column in columns.values())
    return [{name: column[i] for name, column in columns.items()} for i in range(len(texts))]


def failing(row: dict[str, float], **values: Any) -> list[str]:
    from filters.decide import fails

    rules = nemo_curator.rules(Settings(**values))
    return [rule.name for rule in rules if fails(np.array([row[rule.signal]]), rule)[0]]


def words(count: int, start: int = 0) -> list[str]:
    """Different words of four letters."""
    letters = "bcdfghjklmnpqrstvwxz"
    return [
        letters[n // 400 % 20] + letters[n // 20 % 20] + letters[n % 20] + letters[n // 8000 % 20]
        for n in range(start, start + count)
    ]


def lines(count: int, total: int, marked: str, plain: str = "with that.") -> str:
    return "\n".join([marked] * count + [plain] * (total - count))


# rule: (column, text that passes, text that fails, value of each)
SIDES: dict[str, tuple[str, str, str, float, float]] = {
    "non_alphanumeric": ("non_alphanumeric", "abc;" * 10, "abc;" * 10 + ";", 10 / 40, 11 / 41),
    "symbols": ("symbols", "word " * 9 + "#", "word " * 9 + "... […] # a#b", 1 / 10, 3 / 13),
    "numbers": ("numbers", "abcdefghijklmnopq123", "abcdefghijklmnopq123٣", 3 / 20, 4 / 21),
    "urls": ("urls", "http://a.b/" + "x" * 39, "http://a.b/" + "x" * 38, 10 / 50, 10 / 49),
    "bullets": ("bullets", lines(9, 10, " • that"), lines(10, 11, "⦿ that"), 0.9, 10 / 11),
    "white_space": ("white_space", "abc\t" * 5, "abc\b" * 5 + " ", 0.25, 6 / 21),
    "parentheses": ("parentheses", "(abcdefgh)" + "a" * 10, "(abcdefgh)⟨" + "a" * 10, 0.1, 3 / 21),
    "longest_word": ("longest_word", "a " + "b" * 1000, "a " + "b" * 1001, 1000, 1001),
    "short": ("words", " ".join(words(50)), " ".join(words(49)), 50, 49),
    "long": ("words", "word " * 100_000, "word " * 100_001, 100_000, 100_001),
    "boilerplate": (
        "boilerplate",
        "\n\n".join(["The Terms of Use"] * 2 + ["a"] * 3),
        "\n\n".join(["Privacy & Cookies Policy", "we use cookies"] + ["a"] * 2),
        0.4,
        0.5,
    ),
    "short_words": ("word_length", "abc " * 60, "abc " * 59 + "ab", 3, 179 / 60),
    "long_words": ("word_length", ("a" * 10 + " ") * 60, ("a" * 10 + " ") * 59 + "b" * 11, 10, 601 / 60),
    "no_end_mark": ("no_end_mark", lines(17, 20, "and no"), lines(6, 7, "and no", "it is.' "), 0.85, 6 / 7),
    "ellipsis": ("ellipsis", lines(3, 10, "that…"), lines(2, 6, "Read MORE"), 0.3, 2 / 6),
    "common_words": ("common_words", "the the", "the The, to.", 2, 1),
    "with_letter": ("with_letter", "that " * 8 + "12 " * 2, "that " * 7 + "12 - ", 0.8, 7 / 9),
    "unique_lines": (
        "unique_lines",
        "\n".join("abcdefg") + "\na\na\na",
        "\n".join("abcdefg") + "\na" * 4,
        0.7,
        7 / 11,
    ),
    "unique_paragraphs": (
        "unique_paragraphs",
        "\n\n".join("abcdefg") + "\n\na" * 3,
        "\n\n".join("abcdefg") + "\n\na" * 4,
        0.7,
        7 / 11,
    ),
    "unique_line_chars": ("unique_line_chars", "aa\nbbbbbb\naa", "aa\nbbbbb\naa", 8 / 10, 7 / 9),
    "unique_paragraph_chars": (
        "unique_paragraph_chars",
        "aa\n\nbbbbbb\n\naa",
        "aa\n\nbbbbb\n\naa",
        8 / 10,
        7 / 9,
    ),
}


@pytest.mark.parametrize("rule", SIDES)
def test_both_sides(rule: str) -> None:
    column, kept, dropped, kept_value, dropped_value = SIDES[rule]
    for text, value, fails in ((kept, kept_value, False), (dropped, dropped_value, True)):
        row = measured(text)[0]
        assert row[f"nemo_{column}"] == pytest.approx(value, abs=1e-12)
        assert (rule in failing(row)) is fails


@pytest.mark.parametrize(("n", "share"), [(2, 20), (3, 18), (4, 16)])
def test_top_ngrams(n: int, share: int) -> None:
    gram = " ".join(words(n, 500))
    size = 2 * len(gram)
    whole = -(-size * 100 // share)
    for length, fails in ((whole, False), (whole - 1, True)):
        parts = [gram, "qqqq", gram]
        fill = words(200)
        while len(" ".join(parts)) + 6 < length - 5:
            parts.append(fill.pop())
        parts.append("y" * (length - len(" ".join(parts)) - 1))
        row = measured(" ".join(parts))[0]
        assert row[f"nemo_top_{n}_gram"] == pytest.approx(size / length, abs=1e-12)
        assert (f"top_{n}_gram" in failing(row)) is fails


@pytest.mark.parametrize("n", range(5, 11))
def test_duplicated_ngrams(n: int) -> None:
    again = words(n, 500)
    size = 4 * n + n - 1  # its words and the spaces between
    whole = -(-size * 100 // (20 - n))
    for length, fails in ((whole, False), (whole - 1, True)):
        parts = [*again, "qqqq", *again]
        fill = words(400)
        while len(" ".join(parts)) + 6 < length - 5:
            parts.append(fill.pop())
        parts.append("y" * (length - len(" ".join(parts)) - 1))
        row = measured(" ".join(parts))[0]
        assert row[f"nemo_dup_{n}_gram"] == pytest.approx(size / length, abs=1e-12)
        assert (f"dup_{n}_gram" in failing(row)) is fails


def test_overlapping_repeats_count_once() -> None:
    # seven words again: the first 5-gram has 5 words and 4 spaces, the two after it one word and a space each
    row = measured("a b c d e f g x a b c d e f g")[0]
    assert row["nemo_dup_5_gram"] == pytest.approx((5 + 4 + 2 * (1 + 1)) / 29)


def test_the_top_ngram_counts_inside_words_and_not_across_lines() -> None:
    row = measured("is it is it this item is\nit")[0]  # `is it` stands twice and in `this item`
    assert row["nemo_top_2_gram"] == pytest.approx(3 * 5 / 27)


def test_lorem_ipsum_is_all_boilerplate() -> None:
    assert measured("a\n\nb\n\nLOREM ipsum")[0]["nemo_boilerplate"] == 1


def test_an_empty_text_is_dropped_by_every_share() -> None:
    for text in ("", " \n "):
        failed = failing(measured(text)[0])
        assert {
            "bullets",
            "symbols",
            "no_end_mark",
            "unique_lines",
            "top_2_gram",
            "with_letter",
            "short",
        } <= set(failed)


def in_plain_python(text: str) -> dict[str, float]:
    """The definitions, read off the published ones."""
    chunks = text.split()
    said = [line for line in text.split("\n") if line.strip()]
    paragraphs = text.split("\n\n")

    def of_text(count: int) -> float:
        return count / len(text) if text else 1.0

    def of_lines(count: int) -> float:
        return count / len(said) if said else 1.0

    url = r"https?://(?:[a-zA-Z0-9$\-_@.&+!*(),]|(?:%[0-9a-fA-F][0-9a-fA-F]))+"
    lower = [paragraph.strip().lower() for paragraph in paragraphs]
    notices = sum(any(phrase in paragraph for phrase in BOILERPLATE) for paragraph in lower)
    symbols = sum(word in ELLIPSES or len(re.findall("#+", word)) / len(word) > 0.5 for word in chunks)
    found: dict[str, float] = {
        "non_alphanumeric": of_text(len(text) - len(re.findall("[a-zA-Z0-9\n?!,.]", text))),
        "symbols": symbols / len(chunks) if chunks else 1.0,
        "numbers": of_text(len(re.findall(r"\d", text))),
        "urls": of_text(sum(map(len, re.findall(url, text)))),
        "bullets": of_lines(sum(line.strip().startswith(tuple("•‣⁃⁌⁍∙○●◘◦⦾⦿")) for line in said)),
        "white_space": of_text(sum(character in "\t\n\r\b " for character in text)),
        "parentheses": of_text(sum(character in "{}⟨⟩[]()" for character in text)),
        "longest_word": max(map(len, chunks), default=0),
        "words": len(chunks),
        "boilerplate": 1.0 if any("lorem ipsum" in one for one in lower) else notices / len(paragraphs),
        "word_length": sum(map(len, chunks)) / len(chunks) if chunks else 0.0,
        "no_end_mark": of_lines(sum(not line.strip().endswith((".", "?", "!", '"', "'")) for line in said)),
        "ellipsis": of_lines(sum(line.strip().lower().endswith(ELLIPSES) for line in said)),
        "common_words": sum(word in COMMON_WORDS for word in chunks),
        "with_letter": sum(any(map(str.isalpha, word)) for word in chunks) / len(chunks) if chunks else 0.0,
        "unique_lines": len(set(said)) / len(said) if said else 0.0,
        "unique_paragraphs": len(set(paragraphs)) / len(paragraphs) if chunks else 0.0,
    }
    for name, parts in (("line", said), ("paragraph", paragraphs)):
        whole = len("".join(parts))
        found[f"unique_{name}_chars"] = len("".join(set(parts))) / whole if whole else 0.0
    for n in range(2, 11):
        grams = [tuple(chunks[i : i + n]) for i in range(len(chunks) - n + 1)]
        name = f"top_{n}_gram" if n < 5 else f"dup_{n}_gram"
        if not grams:
            found[name] = 1.0
        elif n < 5:
            gram = " ".join(Counter(grams).most_common(1)[0][0])
            found[name] = of_text(len(gram) * text.count(gram))
        else:
            seen, size, overlap = set(), 0, 0
            for gram in grams:
                if gram in seen:
                    size += sum(map(len, gram[overlap:])) + min(n - overlap, n - 1)
                    overlap = n
                seen.add(gram)
                overlap = max(overlap - 1, 0)
            found[name] = of_text(size)
    return {f"nemo_{name}": value for name, value in found.items()}


def test_real_pages_equal_the_definitions(real_texts: list[tuple[str, str]]) -> None:
    texts = [text for _, text in real_texts[:150]] + ["", "http://x%20y%2", "https://", "a\n\n\n\nb"]
    for text, row in zip(texts, measured(*texts), strict=True):
        expected = in_plain_python(text)
        assert row.keys() == expected.keys()
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-9), name


def test_every_setting_is_a_threshold_of_one_rule() -> None:
    rules = nemo_curator.rules(Settings())
    assert len({rule.name for rule in rules}) == len(rules) == len(Settings.__struct_fields__)


def test_same_in_any_batch() -> None:
    texts = [side[1] for side in SIDES.values()]
    assert measured(*texts) == [measured(text)[0] for text in texts]


@pytest.mark.parametrize("unit", ["word ", "https://", "\n\n", "# ", "terms of us"])
def test_linear(unit: str) -> None:
    assert_linear(lambda size: measured(unit * size), 5_000)
