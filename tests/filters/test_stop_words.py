from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filters import language_codes, stop_words
from filters.batch import Batch
from filters.chain import Chain, asset_names, chain_steps
from filters.document import from_rows
from filters.loops.stop_word_counts import word_hashes
from filters.stop_words import Settings, StopWords, hashed, measure, merged
from pipeline import assets
from tests.growth import assert_linear


@pytest.fixture(scope="module")
def installed() -> dict[str, Any]:
    return {name: assets.load(name) for name in stop_words.assets(Settings())}


def all_lists(installed: dict[str, Any]) -> StopWords:
    return merged(installed["stop_words"], installed["more_stop_words"])


def counted(texts: list[str], lists: StopWords, **values: Any) -> list[list[float]]:
    given = {"lists.own": lists, "word_breaker": assets.load("word_breaker")}
    found = measure(Batch(texts), Settings(lists="own", **values), given)
    return [list(row) for row in zip(*(column.tolist() for column in found.values()), strict=True)]


def test_a_hundred_languages_are_covered(installed: dict[str, Any]) -> None:
    lists = all_lists(installed)
    assert len(lists.numbers) == 114
    assert len(set(language_codes.codes()) & set(lists.numbers)) == 106
    sizes = np.diff(lists.offsets)
    assert sizes.min() >= 10
    assert (sizes >= 50).sum() == 108
    for start, end in zip(lists.offsets, lists.offsets[1:], strict=False):
        assert (np.diff(lists.hashes[start:end].astype(object)) > 0).all()


def test_shares_are_of_words_with_letters() -> None:
    lists = hashed({"en": ["the", "of", "don't"], "de": ["der"]})
    text = "The cat, THE dog of 12 don’t -- der"
    assert counted([text, "", "..."], lists, language="en") == [[4 / 7, 3, 3], [0, 0, 3], [0, 0, 3]]
    assert counted([text], lists, language="deu_Latn") == [[1 / 7, 1, 1]]
    assert counted([text], lists, language="fr") == [[0, 0, 0]]


def test_words_without_spaces_are_found() -> None:
    lists = hashed({"zh": ["的", "在"], "th": ["ที่"]})
    assert counted(["我们在北京的大学。"], lists, language="zh") == [[2 / 5, 2, 2]]
    assert counted(["บ้านที่"], lists, language="th") == [[1 / 2, 1, 1]]


def test_each_document_is_asked_for_the_words_of_its_language(installed: dict[str, Any]) -> None:
    texts = [
        "The committee met on Tuesday to discuss the budget for the coming year.",
        "Der Ausschuss traf sich am Dienstag, um über den Haushalt zu sprechen.",
        "委员会星期二开会，讨论了明年的预算。",
        " ",
    ]
    found = measure(Batch(texts), Settings(), installed)
    assert (found["stop_words_distinct"][:2] >= 5).all()
    assert found["stop_words_share"][2] > 0.2
    assert found["stop_words_listed"][3] == 0
    alone = [measure(Batch([text]), Settings(), installed) for text in texts]
    for name, values in found.items():
        assert values.tolist() == [one[name][0] for one in alone]


def test_rules_compare_with_both_sides_of_a_threshold() -> None:
    given = {"lists.own": hashed({"en": ["the", "of"]}), "word_breaker": assets.load("word_breaker")}

    def keep(**values: Any) -> list[bool]:
        steps = chain_steps([{"stop_words": {"lists": "own", "language": "en", **values}}])
        assert asset_names(steps) == ["lists.own", "word_breaker"]
        rows = from_rows([{"id": "1", "url": "", "text": "the end of the day"}])
        return [bool(one) for one in Chain(steps, given).apply(rows).verdict.keep]

    assert keep() == [True]
    assert keep(min_share=0.6) == [True]
    assert keep(min_share=0.61) == [False]
    assert keep(min_distinct=2) == [True]
    assert keep(min_distinct=3) == [False]


def test_lists_of_one_language_are_joined_and_earlier_ones_win() -> None:
    first = hashed({"en": ["a"], "eng_Latn": ["b", "a"]})
    both = merged(first, hashed({"en": ["c"], "fr": ["d"]}))
    assert both.numbers == {"en": 0, "fr": 1}
    assert both.offsets.tolist() == [0, 2, 3]
    assert both.hashes.tolist() == [*sorted(word_hashes(["a", "b"]).tolist()), int(word_hashes(["d"])[0])]
    assert merged(first, both) is merged(first, both)


def test_case_and_apostrophes_make_no_difference() -> None:
    first, second = word_hashes(["L’ÉTÉ", "l'été"]).tolist()
    assert first == second
    assert len(set(word_hashes(["ab", "ba", "a", "", "b"]).tolist())) == 5


def test_the_declaration_is_full_of_stop_words(installed: dict[str, Any], data_dir: Path) -> None:
    with gzip.open(data_dir / "language" / "udhr.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    names = {
        "eng",
        "deu_1996",
        "fra",
        "spa",
        "rus",
        "ita",
        "por_PT",
        "nld",
        "pol",
        "tur",
        "hin",
        "tha",
        "cmn_hans",
    }
    chosen = [row for row in rows if row["key"] in names]
    assert len(chosen) == len(names)
    found = measure(Batch(["\n".join(row["paragraphs"]) for row in chosen]), Settings(), installed)
    assert found["stop_words_share"].min() > 0.3
    assert found["stop_words_distinct"].min() >= 50


@pytest.mark.parametrize("unit", ["the ", "a", "的"])
def test_cost_is_linear(unit: str) -> None:
    lists = hashed({"en": ["the", "of"]})
    assert_linear(lambda size: counted([unit * size], lists, language="en"), 20_000)
