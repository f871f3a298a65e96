"""Rules on the address of a page: block-listed hosts and words, as datatrove's `URLFilter` applies them.

Hosts and addresses come from the block list that FineWeb used (categories of the UT1 list of the University of
Toulouse, as datatrove packs them); words from three short lists. The registered domain is found with the Public
Suffix List that tldextract carries. A document without an address passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.spans import occurrences
from filters.types import Count, FilterSpec, Rule, Signal, Span

Array = np.ndarray[Any, Any]

SOURCE = "RefinedWeb appendix G.1; datatrove URLFilter"


@dataclass(frozen=True)
class UrlLists:
    """What the rules look up. Hosts and addresses are sorted 64-bit hashes by `hash_lines`; words are as compared."""

    hosts: Array  # uint64, sorted
    addresses: Array  # uint64, sorted
    banned_words: frozenset[str]
    soft_words: frozenset[str]
    subwords: tuple[str, ...]  # sorted


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Thresholds: how many hits drop a page; null switches a rule off. Defaults: FineWeb's."""

    min_domain: Count | None = 1
    min_subdomain: Count | None = 1
    min_address: Count | None = 1
    min_banned_words: Count | None = 1
    min_soft_words: Count | None = 2
    min_subwords: Count | None = 1


_COLUMNS = {
    "domain": ("0 or 1", "the registered domain is on the block list"),
    "subdomain": ("0 or 1", "the whole host name is on the block list"),
    "address": ("0 or 1", "the address is on the block list, exactly as written"),
    "banned_words": (
        "words",
        "distinct banned words between the address's separators, lower case as written",
    ),
    "soft_words": ("words", "distinct suspicious words between the address's separators"),
    "subwords": ("words", "distinct banned parts anywhere in the address, separators and case ignored"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"url_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The rules, in datatrove's order."""
    return [Rule(name, f"url_{name}", ">=", getattr(settings, f"min_{name}"), SOURCE) for name in _COLUMNS]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Hits of each address in each list."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lists: UrlLists = assets["url_lists"]
    extract = assets["public_suffixes"]
    hosts = [extract(url) if url else None for url in batch.urls]
    urls = pa.array(batch.urls, pa.string())
    plain = pc.utf8_lower(pc.replace_substring_regex(urls, "[^a-zA-Z0-9]+", "")).to_pylist()
    words = [
        set(part.split(" ")) for part in pc.replace_substring_regex(urls, "[^a-zA-Z0-9]+", " ").to_pylist()
    ]
    found = {
        "domain": _listed(
            [host.top_domain_under_public_suffix if host else "" for host in hosts], lists.hosts
        ),
        "subdomain": _listed([host.fqdn if host else "" for host in hosts], lists.hosts),
        "address": _listed(batch.urls, lists.addresses),
        "banned_words": [len(lists.banned_words & present) for present in words],
        "soft_words": [len(lists.soft_words & present) for present in words],
        "subwords": [sum([part in address for part in lists.subwords]) for address in plain],
    }
    return {f"url_{name}": np.asarray(values, np.int64) for name, values in found.items()}


def _listed(names: list[str], hashes: Array) -> Array:
    """1 where a name's hash is in the list; never for an empty name."""
    from filters.hashing import hash_strings

    wanted = hash_strings(names)
    at = np.minimum(np.searchsorted(hashes, wanted), max(len(hashes) - 1, 0))
    found = hashes[at] == wanted if len(hashes) else np.zeros(len(names), np.bool_)
    return found & np.fromiter(map(bool, names), np.bool_, len(names))


def address_spans(url: str, rule: str, lists: UrlLists, host: str, domain: str) -> list[Span]:
    """Where in an address a rule counts: words and parts of words, or the name that is looked up; not whether it drops.

    `host` is the whole host name and `domain` the registered one, both as the address has them.
    """
    if rule == "address":
        return [(0, len(url))] if url else []
    if rule in ("domain", "subdomain"):
        name = domain if rule == "domain" else host
        at = url.find(name, max(url.find("://"), 0))
        return [(at, at + len(name))] if name and at >= 0 else []
    if rule in ("banned_words", "soft_words"):
        listed = lists.banned_words if rule == "banned_words" else lists.soft_words
        return [one.span() for one in re.finditer("[a-zA-Z0-9]+", url) if one.group() in listed]
    places = [at for at, char in enumerate(url) if char.isascii() and char.isalnum()]
    plain = "".join(url[at] for at in places).lower()
    found = occurrences(plain, lists.subwords)
    return [(places[start], places[end - 1] + 1) for start, end in found]


def assets(settings: Settings) -> tuple[str, ...]:
    """The lists and the suffix rules."""
    return ("url_lists", "public_suffixes")


def spans(text: str, rule: str, settings: Settings) -> list[Span]:
    """None: the rules look at the address; see `address_spans`."""
    return []


SPEC = FilterSpec(
    name="url",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset(Settings.__struct_fields__),
)
