from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from filters import url
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.hashing import hash_lines, hash_strings
from filters.url import UrlLists
from pipeline import assets


@pytest.fixture(scope="module")
def lists() -> UrlLists:
    return UrlLists(
        hosts=hash_lines(b"# a comment\nbad.example\r\n  sub.fine.co.uk \n\nshop.test\n"),
        addresses=hash_lines(b"http://fine.org/one\n"),
        banned_words=frozenset({"worst", "awful"}),
        soft_words=frozenset({"odd", "strange"}),
        subwords=("vile", "nasty"),
    )


def signals(lists: UrlLists, address: str) -> dict[str, int]:
    loaded = {"url_lists": lists, "public_suffixes": assets.load("public_suffixes")}
    found = url.measure(Batch([""], [address]), url.Settings(), loaded)
    return {name.removeprefix("url_"): int(values[0]) for name, values in found.items() if values[0]}


@pytest.mark.parametrize(
    ("address", "hits"),
    [
        ("http://fine.org/", {}),
        ("", {}),
        ("http://192.0.2.7/x", {}),
        ("http://localhost/", {}),
        ("http://bad.example/", {}),  # `example` is no public suffix: there is no registered domain
        ("http://www.shop.test/", {}),
        ("http://sub.fine.co.uk/x", {"subdomain": 1}),
        ("http://fine.co.uk/x", {}),
        ("http://fine.org/one", {"address": 1}),
        ("http://fine.org/one?", {}),
        ("http://fine.org/worst-page", {"banned_words": 1}),
        ("http://fine.org/Worst-page", {}),  # whole words are compared as written
        ("http://fine.org/worstpage", {}),
        ("http://fine.org/worst/awful", {"banned_words": 2}),
        ("http://fine.org/odd", {"soft_words": 1}),
        ("http://odd.org/strange/odd", {"soft_words": 2}),
        ("http://fine.org/V-I-L-E", {"subwords": 1}),
        ("http://nas.ty/devilish", {"subwords": 1}),
    ],
)
def test_signals(lists: UrlLists, address: str, hits: dict[str, int]) -> None:
    assert signals(lists, address) == hits


@pytest.mark.parametrize(
    ("address", "rule", "places"),
    [
        ("http://fine.org/worst-page/worst", "banned_words", ["worst", "worst"]),
        ("http://fine.org/Worst-worstpage", "banned_words", []),
        ("http://odd.org/strange/x", "soft_words", ["odd", "strange"]),
        ("http://fine.org/V-I-L-E", "subwords", ["V-I-L-E"]),
        ("http://nas.ty/devilish", "subwords", ["nas.ty"]),
        ("http://a:b@www.sub.fine.co.uk/fine.co.uk", "domain", ["fine.co.uk"]),
        ("http://a:b@www.sub.fine.co.uk/fine.co.uk", "subdomain", ["www.sub.fine.co.uk"]),
        ("http://fine.org/one", "address", ["http://fine.org/one"]),
        ("http://192.0.2.7/x", "domain", []),
        ("", "address", []),
        ("", "subwords", []),
    ],
)
def test_places_in_an_address_are_those_that_are_counted(
    lists: UrlLists, address: str, rule: str, places: list[str]
) -> None:
    host = assets.load("public_suffixes")(address)
    found = url.address_spans(address, rule, lists, host.fqdn, host.top_domain_under_public_suffix)
    assert [address[start:end] for start, end in found] == places
    if rule.endswith("words"):
        assert len(set(places)) == signals(lists, address).get(rule, 0)


def test_registered_domains_are_looked_up() -> None:
    lists = UrlLists(hash_lines(b"listed.com\n"), hash_lines(b""), frozenset(), frozenset(), ())
    assert signals(lists, "https://a.b.listed.com:8080/x") == {"domain": 1}
    assert signals(lists, "https://listed.com/") == {"domain": 1, "subdomain": 1}
    assert signals(lists, "https://notlisted.com/") == {}


@pytest.mark.parametrize(
    ("address", "rules"),
    [
        ("http://x.org/odd", []),
        ("http://x.org/odd/strange", ["url.soft_words"]),
        ("http://x.org/worst", ["url.banned_words"]),
        ("http://x.org/vile", ["url.subwords"]),
        ("http://fine.org/one", ["url.address"]),
        ("http://sub.fine.co.uk/", ["url.subdomain"]),
    ],
)
def test_rules(lists: UrlLists, address: str, rules: list[str]) -> None:
    chain = Chain(
        chain_steps(["url"]), {"url_lists": lists, "public_suffixes": assets.load("public_suffixes")}
    )
    applied = chain.apply(from_rows([{"id": "x", "url": address, "text": "text"}]))
    assert applied.verdict.reasons.to_pylist() == [rules]


def hash_by_hand(data: bytes) -> int:
    """FNV-1a, then SplitMix64's mix, in plain integers."""
    value, bits = 14695981039346656037, 2**64 - 1
    for byte in data:
        value = (value ^ byte) * 1099511628211 & bits
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & bits
    value = (value ^ value >> 27) * 0x94D049BB133111EB & bits
    return value ^ value >> 31


def test_hashes_are_stable_and_lines_are_stripped() -> None:
    assert hash_strings([]).tolist() == []
    names = ["", "a", "www.example.com", "é"]
    assert hash_strings(names).tolist() == [hash_by_hand(name.encode()) for name in names]
    assert hash_lines(b" a \r\n#b\n\na").tolist() == hash_strings(["a"]).tolist()
    names = [f"host{i}.com" for i in range(10_000)]
    assert len(np.unique(hash_strings(names))) == len(names)


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """datatrove's filter over its own word lists, with some hosts instead of the packed five million."""
    from datatrove.pipeline.filters import URLFilter
    from datatrove.pipeline.filters.url_filter import get_list
    from datatrove.utils._import_utils import ASSETS_PATH
    from tldextract import TLDExtract

    words = {
        name: get_list(ASSETS_PATH, f"{name}.txt", set())
        for name in ("banned_words", "banned_subwords", "soft_banned_words")
    }
    theirs = URLFilter(extra_domains=["listed.com\n"], use_integrated_lists=False, **words)
    theirs.tldextractor = TLDExtract(suffix_list_urls=(), cache_dir=None)
    return theirs


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # datatrove's own
def test_packed_word_lists_decide_like_datatroves(oracle: Any) -> None:
    from datatrove.data import Document

    packed = assets.load("url_lists")
    lists = UrlLists(
        hash_lines(b"listed.com\n"), packed.addresses, packed.banned_words, packed.soft_words, packed.subwords
    )
    words = sorted(packed.banned_words)[:60] + sorted(packed.soft_words) + list(packed.subwords)
    urls = [f"http://www.plain.org/{word}/x" for word in words] + [
        f"http://{word}news.org/" for word in words
    ]
    urls += [f"http://plain.org/{one}-{two}" for one, two in zip(words, reversed(words), strict=True)]
    urls += ["http://a.listed.com/", "http://plain.org/", "http://192.0.2.1/a", "http://LISTED.com/"]
    chain = Chain(
        chain_steps(["url"]), {"url_lists": lists, "public_suffixes": assets.load("public_suffixes")}
    )
    applied = chain.apply(from_rows([{"id": str(i), "url": one, "text": "x"} for i, one in enumerate(urls)]))
    theirs = [oracle.filter(Document(text="x", id="", metadata={"url": one})) is True for one in urls]
    assert applied.verdict.keep.tolist() == theirs
    assert 0 < sum(theirs) < len(urls)
