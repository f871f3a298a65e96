from __future__ import annotations

from typing import Any

import pytest

from filters import blocklist
from filters.batch import Batch
from filters.blocklist import ALIASES, BlockList, Category, Settings, host_and_address, normal_host
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.hashing import draws, hash_lines
from tests.growth import assert_linear

LISTED = BlockList(
    {
        "adult": Category(
            hash_lines(b"bad.com\n192.0.2.7\nxn--mller-kva.de\n"),
            hash_lines(b"fine.org/sub/page\nfine.org/q?a=1\n"),
            (r"^[0-9.]+/search\?q=[0-9]+$",),
        ),
        "gambling": Category(hash_lines(b"bad.com\nbets.net\n"), hash_lines(b"")),
        "empty": Category(hash_lines(b""), hash_lines(b"")),
    }
)


def measured(url: str, **settings: Any) -> dict[str, int]:
    values = {"categories": ("adult", "gambling"), **settings}
    found = blocklist.measure(Batch([""], [url]), Settings(**values), {"lists.ut1": LISTED})
    return {name.removeprefix("blocklist_"): int(column[0]) for name, column in found.items() if column[0]}


BOTH = {"domain": 2, "adult": 1, "gambling": 1}
ADULT_HOST, ADULT_URL = {"domain": 1, "adult": 1}, {"url": 1, "adult": 1}


@pytest.mark.parametrize(
    ("url", "hits"),
    [
        ("", {}),
        ("http://", {}),
        ("http://fine.org/", {}),
        ("http://bad.com/", BOTH),
        ("HTTPS://u:p@A.b.BAD.com:8080/x#y", BOTH),
        ("//bad.com.", BOTH),
        ("bad.com/x", BOTH),
        ("http://notbad.com/", {}),
        ("http://bad.com.org/", {}),
        ("http://fine.org/bad.com", {}),
        ("http://bets.net?x", {"domain": 1, "gambling": 1}),
        ("http://192.0.2.7/", ADULT_HOST),
        ("http://9.192.0.2.7/", {}),  # nothing lies below an IP address
        ("http://[2001:db8::1]:80/", {}),
        ("http://müller.de/", ADULT_HOST),
        ("http://fine.org/sub/page", ADULT_URL),
        ("https://www2.Fine.org:443/sub/Page/", ADULT_URL),
        ("http://fine.org/sub/page/more", ADULT_URL),
        ("http://fine.org/sub/page?x=1", ADULT_URL),
        ("http://fine.org/sub/pages", {}),
        ("http://a.fine.org/sub/page", {}),
        ("http://fine.org/q?a=1&b=2", ADULT_URL),
        ("http://fine.org/q?a=12", {}),
        ("http://198.51.100.1/search?q=12", {}),  # expressions are off
    ],
)
def test_matching(url: str, hits: dict[str, int]) -> None:
    assert measured(url) == hits


def test_expressions_are_looked_at_if_asked() -> None:
    assert measured("http://198.51.100.1/search?q=12", expressions=True) == ADULT_URL
    assert measured("http://198.51.100.1/search?q=x", expressions=True) == {}


def test_redpajama_looks_up_the_whole_host_alone() -> None:
    settings = {"match": "host", "addresses": False}
    assert measured("http://bad.com/", **settings) == BOTH
    assert measured("http://www.bad.com/", **settings) == {}
    assert measured("http://fine.org/sub/page", **settings) == {}


def test_categories_have_columns_and_rules_and_may_be_spared() -> None:
    steps = chain_steps([{"blocklist": {"categories": ["adult", "gambling"], "drop": ["gambling"]}}])
    chain = Chain(steps, {"lists.ut1": LISTED})
    rows = [
        {"id": name, "url": url, "text": "text"}
        for name, url in (("a", "http://bad.com/"), ("b", "http://192.0.2.7/"), ("c", "http://fine.org/"))
    ]
    applied = chain.apply(from_rows(rows))
    assert applied.verdict.reasons.to_pylist() == [["blocklist.gambling"], [], []]
    assert applied.documents["blocklist_adult"].to_pylist() == [1, 1, 0]
    everything = Chain(chain_steps([{"blocklist": {"categories": ["adult", "gambling"]}}]), chain.assets)
    assert everything.apply(from_rows(rows)).verdict.keep.tolist() == [False, False, True]


def test_other_names_of_a_category_and_unknown_ones() -> None:
    assert ALIASES["porn"] == "adult"
    assert measured("http://192.0.2.7/", categories=("porn", "empty")) == {"domain": 1, "porn": 1}
    with pytest.raises(ValueError, match=r"no category 'malware'; it has: adult, empty, gambling"):
        measured("http://fine.org/", categories=("malware",))
    with pytest.raises(ValueError, match=r"expected `drop` to name some of `categories`, got 'press'"):
        chain_steps([{"blocklist": {"drop": ["press"]}}])


def test_normal_forms() -> None:
    assert host_and_address("http://WWW3.a.org:80/B/?q#f") == ("www3.a.org", "a.org/b/?q")
    assert host_and_address("mailto:x@y") == ("y", "y")
    assert host_and_address("http://wwwx.org/") == ("wwwx.org", "wwwx.org")
    assert normal_host(" Bücher.DE. ") == "xn--bcher-kva.de"
    assert normal_host("a" * 70 + "é.de") == "a" * 70 + "é.de"  # not a name that can be encoded


def test_cost_is_linear_in_hostile_addresses() -> None:
    def work(size: int) -> None:
        urls = ["http://" + "a." * size + "com/" + "x/" * size, "http://x.com/" + "?&" * size]
        blocklist.measure(Batch(["", ""] * 20, urls * 20), Settings(), {"lists.ut1": LISTED})

    assert_linear(work, 200)


def test_draws_depend_on_id_and_purpose_alone() -> None:
    ids = [f"a@{i}" for i in range(4000)]
    one, other = draws(ids, "one"), draws(ids, "other")
    assert one.tolist() == [draws([id_], "one")[0] for id_ in ids]
    assert (one != other).all()
    assert 0 <= one.min() < one.max() < 1
    assert abs(one.mean() - 0.5) < 0.02
