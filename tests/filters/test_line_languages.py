from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.line_languages import spread
from filters.text.line_parts import joined_lines
from pipeline import assets
from tests.growth import assert_linear

ENGLISH = "The committee met on Tuesday to discuss the budget for the coming year."
GERMAN = "Der Ausschuss traf sich am Dienstag, um über den Haushalt zu sprechen."
FRENCH = "Le comité s'est réuni mardi pour discuter du budget de l'année à venir."


def measured(texts: list[str], **values: Any) -> Any:
    chain = Chain(chain_steps([{"line_languages": values}]), {"lid176": assets.load("lid176")})
    return chain.apply(from_rows([{"id": str(i), "url": "", "text": text} for i, text in enumerate(texts)]))


def columns(texts: list[str], **values: Any) -> list[list[float]]:
    documents = measured(texts, **values).documents
    names = ("share", "others", "undetermined", "distinct")
    return [
        list(row) for row in zip(*(documents[f"line_languages_{n}"].to_pylist() for n in names), strict=True)
    ]


def test_shares_are_of_the_characters_of_lines() -> None:
    text = "\n".join(
        [ENGLISH, ENGLISH, "", GERMAN, ENGLISH, "Q7 ~ zk 0x3 vv 81 §§ Ωμ rr 9 -- 4 ‡ 12 && 77 zz 5"]
    )
    ((share, others, undetermined, distinct),) = columns([text])
    total = 3 * len(ENGLISH) + len(GERMAN) + len(text.split("\n")[-1])
    assert share == pytest.approx(3 * len(ENGLISH) / total)
    assert others == pytest.approx(len(GERMAN) / total)
    assert share + others + undetermined == pytest.approx(1)
    assert distinct == 2


def test_wanted_languages_take_the_place_of_the_documents_own() -> None:
    texts = [f"{ENGLISH}\n{GERMAN}\n{FRENCH}"]
    total = len(ENGLISH) + len(GERMAN) + len(FRENCH)
    for wanted in (["de", "fr"], ["deu_Latn", "fra"]):
        ((share, others, _, distinct),) = columns(texts, languages=wanted)
        assert share == pytest.approx(1 - len(ENGLISH) / total)
        assert others == pytest.approx(len(ENGLISH) / total)
        assert distinct == 3


def test_a_part_below_the_probability_is_undetermined() -> None:
    assert columns([ENGLISH], min_probability=0) == [[1, 0, 0, 1]]
    assert columns([ENGLISH], min_probability=1) == [[0, 0, 1, 0]]
    assert columns([" \n "]) == [[0, 0, 0, 0]]


def test_parts_of_noise_are_undetermined_whatever_the_model_says() -> None:
    menu = "1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | next"
    text = f"{ENGLISH}\n{menu}"
    total = len(ENGLISH) + len(menu)
    ((share, others, undetermined, distinct),) = columns([text], min_probability=0)
    assert (share, others, distinct) == (pytest.approx(len(ENGLISH) / total), 0, 1)
    assert undetermined == pytest.approx(len(menu) / total)
    assert columns([text], min_probability=0, noise=1)[0][2] == 0


def test_rules_compare_with_both_sides_of_a_threshold() -> None:
    text = f"{ENGLISH}\n{GERMAN}\n{ENGLISH}"
    ((share, others, _, _),) = columns([text])
    keep = lambda **values: measured([text], **values).verdict.keep.tolist()  # noqa: E731
    assert keep() == [True]
    assert keep(min_share=share) == [True]
    assert keep(min_share=share + 1e-9) == [False]
    assert keep(max_others=others) == [True]
    assert keep(max_others=others - 1e-9) == [False]
    assert keep(max_distinct=2) == [True]
    assert keep(max_distinct=1) == [False]
    assert keep(max_undetermined=0) == [True]
    assert measured([text], min_probability=1, max_undetermined=0.9).verdict.reason.to_pylist() == [
        "line_languages.undetermined"
    ]


def parts_of(text: str, least: int) -> list[str]:
    parts = joined_lines(Batch(["x", text, "y"]), least)
    assert (parts.offsets[1], parts.offsets[3] - parts.offsets[2]) == (1, 1)
    at = slice(parts.offsets[1], parts.offsets[2])
    return [text[a - 1 : b - 1] for a, b in zip(parts.starts[at], parts.ends[at], strict=True)]


def test_short_lines_are_joined() -> None:
    assert parts_of(" ab \n\ncd\nefgh\n i", 4) == ["ab \n\ncd", "efgh\n i"]
    assert parts_of("ab\ncd", 9) == ["ab\ncd"]
    assert parts_of("abcd\nef", 1) == ["abcd", "ef"]
    assert parts_of("abcd\nef", 0) == ["abcd", "ef"]
    assert parts_of(" \n ", 4) == []


@given(st.text(alphabet="ab \n", max_size=60), st.integers(0, 9))
def test_parts_hold_every_visible_character_once(text: str, least: int) -> None:
    parts = parts_of(text, least)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(part.replace("\n", "")) >= least for part in parts[:-1])


@given(st.integers(0, 50), st.integers(0, 300), st.integers(1, 40))
def test_parts_are_spread_evenly(first: int, count: int, most: int) -> None:
    chosen = list(spread(first, first + count, most))
    assert len(chosen) == min(count, most)
    assert all(first <= number < first + count for number in chosen)
    gaps = [b - a for a, b in itertools.pairwise(chosen)]
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)


def test_the_cap_bounds_what_is_asked() -> None:
    texts = ["\n".join([ENGLISH, GERMAN] * 100)]
    ((share, others, _, distinct),) = columns(texts, languages=["en"], max_parts=10)
    assert (distinct, share + others) == (1, 1)  # every twentieth line
    ((share, others, _, distinct),) = columns(texts, languages=["en"], max_parts=200)
    assert share == pytest.approx(len(ENGLISH) / (len(ENGLISH) + len(GERMAN)))
    assert distinct == 2


@pytest.mark.parametrize("unit", ["a\n", f"{ENGLISH}\n", "\n"])
def test_cost_is_linear(unit: str) -> None:
    assert_linear(lambda size: columns([unit * size]), 2_000)
