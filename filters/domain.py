"""A domain label for every document by a transparent table of words and hosts.

How it works: the text is lower-cased and cut at everything that is not a letter; each table word found scores one
hit, at most `CAP` hits per distinct word, so that one repeated word proves little. A part of the host name or path that
is in the table's address list scores `ADDRESS_HITS` distinct hits. The score of a domain is its hits per 1,000 words
(texts under `SHORT` words count as that long). The highest score wins if it reaches `MINIMUM` with `DISTINCT`
different words; otherwise the label is `general`. On a tie the domain listed first wins.

As a filter, `domain`, it measures the label on the text as it stands at that point of a recipe, so that conditions
of other rules can name it (`unless: domain == code`); the corpus then keeps that label instead of making its own.

`VERSION`, of the counting and of the table (`filters/domain_words.py`), belongs in the fingerprint of what uses it. The
table is a first, explainable division of an English corpus for mixing, not a judge of topic: classifiers that are
trained on labelled documents are the better tool where such labels exist, and write the same column.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from filters.batch import Batch
from filters.domain_words import ADDRESSES, WORDS
from filters.domain_words import VERSION as TABLE_VERSION
from filters.types import FilterSpec, Rule, Signal

__all__ = ["DOMAINS", "GENERAL", "VERSION", "label"]

VERSION = f"2.{TABLE_VERSION}"
GENERAL = "general"
DOMAINS = (*WORDS, GENERAL)
CAP = 4
ADDRESS_HITS = 3
SHORT = 100  # words
MINIMUM = 12.0  # hits per 1,000 words
DISTINCT = 4  # different table words, or address parts
SOURCE = "the table of words and addresses in filters/domain_words.py"
_OTHER_SEPARATORS = r"[^\pL\x00-\x7f]+"


@functools.cache
def _tables() -> tuple[dict[bytes, tuple[int, ...]], dict[str, int], bytes]:
    """Word to domains, address part to domain, and the byte table that makes ASCII separators spaces."""
    words: dict[bytes, tuple[int, ...]] = {}
    for number, listed in enumerate(WORDS.values()):
        for word in listed.split():
            key = word.encode()
            words[key] = (*words.get(key, ()), number)
    numbers = {name: number for number, name in enumerate(WORDS)}
    addresses = {part: numbers[name] for name, listed in ADDRESSES.items() for part in listed.split()}
    separators = bytes(byte if byte >= 128 or chr(byte).isalpha() else 32 for byte in range(256))
    return words, addresses, separators


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which domains are dropped: none unless a recipe names them."""

    drop: tuple[str, ...] | None = None


def label(documents: pa.Table) -> pa.Array:
    """The domain of each document, from its columns `text` and `url`; nulls count as empty."""
    texts = documents.column("text")
    combined = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    return pa.array(_labels(combined, documents.column("url").to_pylist()), pa.string())


def _labels(texts: pa.Array, urls: Sequence[str | None]) -> list[str]:
    import pyarrow.compute as pc

    # Quotation marks, dashes and no-break spaces part words too. ASCII is left to the byte table, which is faster.
    cut = pc.replace_substring_regex(texts, _OTHER_SEPARATORS, " ").to_pylist()
    return [_label(text or "", url or "") for text, url in zip(cut, urls, strict=True)]


def signals(settings: Settings) -> list[Signal]:
    """The column `domain`."""
    return [Signal("domain", "label", "domain by words and address, `general` where none is plain", SOURCE)]


def rules(settings: Settings) -> list[Rule]:
    """Domains that are dropped."""
    return [Rule("unwanted", "domain", "in", settings.drop, SOURCE)]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The label of each text."""
    return {"domain": np.array(_labels(batch.arrow, batch.urls), dtype=object)}


def _label(text: str, url: str) -> str:
    words, addresses, separators = _tables()
    parts = text.lower().encode("utf-8", "surrogatepass").translate(separators).split()
    seen = Counter(filter(words.__contains__, parts))
    hits, distinct = [0] * len(WORDS), [0] * len(WORDS)
    for word, count in seen.items():
        for number in words[word]:
            hits[number] += min(count, CAP)
            distinct[number] += 1
    for part in set(_address_parts(url)):
        if part in addresses:
            hits[addresses[part]] += ADDRESS_HITS * max(len(parts), SHORT) // 1000 + ADDRESS_HITS
            distinct[addresses[part]] += ADDRESS_HITS
    best = max(range(len(hits)), key=lambda number: hits[number])
    score = 1000 * hits[best] / max(len(parts), SHORT)
    return DOMAINS[best] if score >= MINIMUM and distinct[best] >= DISTINCT else GENERAL


def _address_parts(url: str) -> list[str]:
    """Parts of host and path between separators, and whole host names without `www.`."""
    _, _, rest = url.lower().partition("://")
    host, _, path = rest.partition("/")
    host = host.partition(":")[0].removeprefix("www.")
    labels = host.split(".")
    suffixes = [".".join(labels[i:]) for i in range(len(labels))]
    pieces = path.replace("-", "/").replace("_", "/").replace("?", "/").replace(".", "/").split("/")
    return [*suffixes, *labels, *pieces]


SPEC = FilterSpec(
    name="domain",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    thresholds=frozenset({"drop"}),
)
