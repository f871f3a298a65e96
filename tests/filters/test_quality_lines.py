from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from filters import fineweb, gopher_quality
from filters.loops import quality_lines
from filters.text import layout
from filters.text.punctuation import SYMBOLS, TERMINAL
from tests.growth import assert_linear

PIECES = [
    "a",
    "word",
    "the",
    "of",
    " ",
    "\n",
    "\r\n",
    "\x0b",
    "\u2028",
    "-",
    "•",
    ".",
    "...",
    "…",
    "#",
    "。",
    "?",
    "\t",
    "12",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=3))
def test_quality_measures_by_their_plain_definitions(make_batch: Any, texts: list[str]) -> None:
    batch, chosen = make_batch(*texts), gopher_quality.Settings()
    found = {
        name.removeprefix("gopher_quality_"): values.tolist()
        for name, values in gopher_quality.measure(batch, chosen, {}).items()
    }
    for row, text in enumerate(texts):
        ids = batch.words.ids[batch.words.offsets[row] : batch.words.offsets[row + 1]]
        words = [batch.words.texts[i] for i in ids]
        named = [word for word in words if not SYMBOLS.issuperset(word)]
        lines = text.splitlines()
        assert found["words"][row] == len(named)
        assert found["word_length"][row] == share(sum(map(len, named)), len(named))
        assert found["hash_ratio"][row] == share(text.count("#"), len(words))
        assert found["ellipsis_ratio"][row] == share(text.count("...") + text.count("…"), len(words))
        bullets = sum(line.lstrip().startswith(("•", "-")) for line in lines)
        assert found["bullet_lines"][row] == share(bullets, len(lines))
        ellipses = sum(line.rstrip().endswith(("...", "…")) for line in lines)
        assert found["ellipsis_lines"][row] == share(ellipses, len(lines))
        alphabetic = sum(any(map(str.isalpha, word)) for word in words)
        assert found["alphabetic_words"][row] == share(alphabetic, len(words))
        assert found["stop_words"][row] == len(set(chosen.stop_words) & set(words))


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=3))
def test_fineweb_measures_by_their_plain_definitions(make_batch: Any, texts: list[str]) -> None:
    batch = make_batch(*texts)
    found = fineweb.measure(batch, fineweb.Settings(short_line_length=3), {})
    for row, text in enumerate(texts):
        lines = [line for line in text.split("\n") if line.strip()]
        copies = [line for number, line in enumerate(lines) if line in lines[:number]]
        ended = sum(line.endswith(tuple(TERMINAL)) for line in lines)
        assert found["fineweb_line_punct"][row] == share(ended, len(lines))
        assert found["fineweb_short_lines"][row] == share(sum(len(line) <= 3 for line in lines), len(lines))
        assert found["fineweb_char_dup"][row] == share(sum(map(len, copies)), len(text.replace("\n", "")))
        assert found["fineweb_newline_ratio"][row] == share(text.count("\n"), int(batch.words.counts()[row]))


def test_stop_words_given_twice_count_once(make_batch: Any) -> None:
    chosen = gopher_quality.Settings(stop_words=("the", "of", "the", "absent"))
    found = gopher_quality.measure(make_batch("the the of", "x"), chosen, {})
    assert found["gopher_quality_stop_words"].tolist() == [2, 0]
    none = gopher_quality.measure(make_batch("the"), gopher_quality.Settings(stop_words=()), {})
    assert none["gopher_quality_stop_words"].tolist() == [0]


def test_long_texts_take_linear_time() -> None:
    def work(size: int) -> None:
        codes, bounds = layout.code_points(["- ... \n" * size + " " * size])
        lines = layout.split_lines(codes, bounds)
        quality_lines.marks(codes, bounds)
        quality_lines.line_ends(codes, lines)
        quality_lines.written_lines(codes, lines, TERMINAL, 30)

    assert_linear(work, 5_000)
