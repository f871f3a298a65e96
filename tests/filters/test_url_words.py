from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filters import url_words
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.text.phrases import WordLists
from filters.url import UrlLists
from filters.url_words import Settings
from pipeline import assets

NONE = np.zeros(0, np.uint64)
PACKED = UrlLists(
    hosts=NONE,
    addresses=NONE,
    banned_words=frozenset({"awful", "worst"}),
    soft_words=frozenset({"odd", "strange", "weird"}),
    subwords=("vilething",),
)


def measured(url: str, settings: Settings | None = None, **lists: Any) -> dict[str, int]:
    loaded = {"url_lists": PACKED, **{f"lists.{name}": words for name, words in lists.items()}}
    found = url_words.measure(Batch([""], [url]), settings or Settings(), loaded)
    return {name.removeprefix("url_words_"): int(column[0]) for name, column in found.items() if column[0]}


@pytest.mark.parametrize(
    ("url", "hits"),
    [
        ("", {}),
        ("http://fine.org/", {}),
        ("http://fine.org/Awful-page", {"hard": 1}),
        ("http://awful.org/awful/worst", {"hard": 2}),
        ("http://fine.org/awfully", {}),
        ("http://fine.org/vi-le.thi_ng.html", {"strict": 1}),
        ("http://VILE.THING.org/", {"strict": 1}),
        ("http://fine.org/vile/xthing", {}),
        ("http://odd.org/odd", {"soft": 1}),
        ("http://odd.org/Strange", {"soft": 2}),
        ("http://fine.org/oddстранный", {"soft": 1}),
        ("http://arxiv.org/abs/1", {"curated_source": 1}),
        ("https://math.stackexchange.com/q/1", {"curated_source": 1}),
        ("https://en.wikipedia.org/wiki/X", {"curated_source": 1}),
        ("https://en.m.wikipedia.org/wiki/X", {}),
        ("https://de.wikipedia.org/wiki/X", {}),
        ("https://notgithub.com/", {}),
        ("https://a.b.c.d.github.com/", {"curated_source": 1}),
    ],
)
def test_signals(url: str, hits: dict[str, int]) -> None:
    assert measured(url) == hits


@pytest.mark.parametrize(
    ("url", "settings", "reasons"),
    [
        ("http://x.org/odd", {}, []),
        ("http://x.org/odd/weird", {}, ["url_words.soft"]),
        ("http://x.org/odd/weird", {"min_soft": 3}, []),
        ("http://x.org/worst", {}, ["url_words.hard"]),
        ("http://x.org/worst", {"min_hard": None}, []),
        ("http://x.org/vilething", {}, ["url_words.strict"]),
        ("http://github.com/x", {}, []),
        ("http://github.com/x", {"drop_curated": True}, ["url_words.curated_source"]),
    ],
)
def test_rules(url: str, settings: dict[str, Any], reasons: list[str]) -> None:
    chain = Chain(chain_steps([{"url_words": settings}]), {"url_lists": PACKED})
    applied = chain.apply(from_rows([{"id": "x", "url": url, "text": "text"}]))
    assert applied.verdict.reasons.to_pylist() == [reasons]


def test_lists_by_path_take_the_place_of_the_packed_ones() -> None:
    settings = Settings(hard="mine", strict="parts", soft="soft")
    assert url_words.needed(settings) == ("lists.mine", "lists.parts", "lists.soft")
    assert url_words.needed(Settings(hard="mine")) == ("lists.mine", "url_lists")
    lists = {
        "mine": WordLists({"": ("Foul", "# worst")}),
        "parts": WordLists({"": ("a-b",)}),
        "soft": WordLists({"": ("x",)}),
    }
    assert measured("http://foul.org/worst/x/a.b", settings, **lists) == {"hard": 1, "strict": 1, "soft": 1}


def test_the_packed_lists_are_enough() -> None:
    loaded = {name: assets.load(name) for name in url_words.needed(Settings())}
    batch = Batch(["", ""], ["http://example.com/porn", "http://example.com/a-page"])
    found = url_words.measure(batch, Settings(), loaded)
    assert found["url_words_hard"].tolist() == [1, 0]
