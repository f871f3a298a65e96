"""Which examples are compared with which: lengths matched between classes, folds cut by registered domain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pipeline.classify.examples import Example, hashed
from pipeline.wikipedia.address import canonical_url, host_of, registered_domain

_BINS = 4  # of the length, to each doubling
WIKIMEDIA = frozenset(
    "wikipedia.org wikimedia.org wiktionary.org wikidata.org wikiquote.org wikisource.org wikibooks.org "
    "wikinews.org wikiversity.org wikivoyage.org mediawiki.org wikimediafoundation.org".split()
)  # Wikipedia does not cite itself: these pages are neither positive nor negative


def length_bin(text: str) -> int:
    """The bin of a text's characters: four to each doubling."""
    return int(_BINS * math.log2(max(len(text), 1)))


def length_matched(classes: Mapping[str, Sequence[Example]]) -> dict[str, list[Example]]:
    """As many examples of each class in each bin of lengths: those with the lowest keys, in the order of their keys."""
    bins: dict[str, dict[int, list[Example]]] = {}
    for label, examples in classes.items():
        bins[label] = {}
        for example in examples:
            bins[label].setdefault(length_bin(example.text), []).append(example)
    places = sorted({place for found in bins.values() for place in found})
    sizes = {place: min(len(found.get(place, ())) for found in bins.values()) for place in places}
    return {
        label: sorted(example for place in places for example in found.get(place, [])[: sizes[place]])
        for label, found in bins.items()
    }


def domain_of(example: Example) -> str:
    """The registered domain of its page; of a document without an address a name of its own."""
    address = canonical_url(example.url) if example.url else None
    return registered_domain(host_of(address)) if address else f"#{example.key:016x}"


def fold_of(domain: str, folds: int, seed: int) -> int:
    """The fold that all pages of a domain are in."""
    return hashed(domain, seed + 1) % folds
