"""Addresses are compared in the URL Standard's form, or in C4's."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.urls import normal_urls, url_hashes

# Address and what the standard makes of it, by rule.
SERIALISED = {
    "HTTP://WWW.Example.COM/Path": "http://www.example.com/Path",  # scheme and host lower case, the path as it is
    "http://example.com": "http://example.com/",  # an empty path
    "http://example.com?a=1": "http://example.com/?a=1",
    "http://example.com:80/": "http://example.com/",  # default ports
    "https://example.com:443/x": "https://example.com/x",
    "https://example.com:80/x": "https://example.com:80/x",
    "http://example.com:0080/": "http://example.com/",
    "http://example.com:/": "http://example.com/",
    "http://a.com/b/../c/./d/..": "http://a.com/c/",  # dot segments
    "http://a.com/../../b": "http://a.com/b",
    "http://a.com/b/%2e%2E/c/%2e": "http://a.com/c/",
    "http://a.com/b//c": "http://a.com/b//c",
    "http:\\\\a.com\\b": "http://a.com/b",  # backslashes are slashes
    "http:/a.com/b": "http://a.com/b",
    "http:a.com": "http://a.com/",
    "http:////a.com/": "http://a.com/",
    "  http://a.com/b \n": "http://a.com/b",  # space around it
    "http://a.c\tom/\nb\r/c": "http://a.com/b/c",  # tabs and newlines within it
    "http://a.com/a b": "http://a.com/a%20b",  # percent-encoding by component
    "http://a.com/ä?ä": "http://a.com/%C3%A4?%C3%A4",
    'http://a.com/{}"<>`': "http://a.com/%7B%7D%22%3C%3E%60",
    "http://a.com/?'": "http://a.com/?%27",
    "http://a.com/'": "http://a.com/'",
    "http://a.com/?{}`": "http://a.com/?{}`",
    "http://a.com/%7euser/%zz": "http://a.com/%7euser/%zz",  # what is encoded stays so
    "http://a.com/\x00b\x00": "http://a.com/%00b",
    "http://u s:p@w@a.com/": "http://u%20s:p%40w@a.com/",
    "http://@a.com/": "http://a.com/",
    "http://bücher.example/": "http://xn--bcher-kva.example/",  # IDNA, as UTS 46 without transitional forms
    "http://BÜCHER.example/": "http://xn--bcher-kva.example/",
    "http://faß.example/": "http://xn--fa-hia.example/",
    "http://日本語。jp/": "http://xn--wgv71a119e.jp/",
    "http://ｅｘ.com/": "http://ex.com/",
    "http://ex%61mple.com/": "http://example.com/",
    "http://a­b.com/": "http://ab.com/",  # a soft hyphen
    "http://a_b.com/": "http://a_b.com/",
    "http://a.com./": "http://a.com./",
    "http://192.168.257/": "http://192.168.1.1/",  # IPv4 in all its spellings
    "http://0x7f.1/": "http://127.0.0.1/",
    "http://017700000001/": "http://127.0.0.1/",
    "http://2130706433/": "http://127.0.0.1/",
    "http://[::0:1]/": "http://[::1]/",  # IPv6
    "http://[1:0:0:2:0:0:0:3]/": "http://[1:0:0:2::3]/",
    "http://[2001:DB8::AB]:80/": "http://[2001:db8::ab]/",
    "http://[::ffff:1.2.3.4]/": "http://[::ffff:102:304]/",
    "http://a.com/b#part": "http://a.com/b",  # the fragment never reaches a server
    "http://a.com/b?c=%23#d#e": "http://a.com/b?c=%23",
    "http://a.com/b?#": "http://a.com/b?",
    "http://a.com/b?": "http://a.com/b?",
    "http://a.com/?b=1&a=2&b=1": "http://a.com/?b=1&a=2&b=1",
    "ftp://a.com:21/b": "ftp://a.com/b",
    "mailto:A@b.com": "mailto:A@b.com",
    "x:b  #c": "x:b",
    "file:///C|/b": "file:///C:/b",
}

NO_ADDRESS = [
    "",
    " ",
    "a.com/b",  # no scheme, and nothing that it could be relative to
    "//a.com/b",
    "/b",
    "http://",
    "http://?q",
    "http://a b.com/",
    "http://a<b.com/",
    "http://a%00b.com/",
    "http://a.com:65536/",
    "http://a.com:8a/",
    "http://[::1/",
    "http://[1::2::3]/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://1.2.3.08/",
    "http://0x100000000/",
    "http://xn--/",
    "http://­/",  # nothing is left of the host
]  # fmt: skip


def hashes_of(urls: list[str | None], variant: str = "whatwg") -> tuple[np.ndarray, np.ndarray]:
    return url_hashes(pa.array(urls, pa.string()), variant)  # type: ignore[arg-type]


@pytest.mark.parametrize(("url", "expected"), SERIALISED.items())
def test_an_address_is_serialised_as_the_standard_says(url: str, expected: str) -> None:
    assert normal_urls(pa.array([url]), "whatwg") == [expected]
    assert normal_urls(pa.array([expected]), "whatwg") == [expected]


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_the_standard_cannot_parse_takes_no_part(url: str) -> None:
    assert hashes_of([url, "http://a.com/"])[1].tolist() == [False, True]


def test_hashes_are_equal_exactly_where_the_forms_are() -> None:
    urls = list(SERIALISED)
    forms = np.array(normal_urls(pa.array(urls), "whatwg"))
    hashes, valid = hashes_of([*urls])
    assert hashes.shape == (len(urls), 2)
    assert hashes.dtype == np.uint64
    assert valid.all()
    same = (hashes[:, None] == hashes[None]).all(axis=2)
    assert (same == (forms[:, None] == forms[None])).all()
    assert not same.all()


@pytest.mark.parametrize("variant", ["whatwg", "c4"])
def test_no_address_takes_no_part_and_slices_count_from_their_own_beginning(variant: str) -> None:
    urls = pa.array([None, "http://a.com/x", "", "http://a.com/x", "http://b.com/"], pa.string())
    hashes, valid = url_hashes(urls, variant)  # type: ignore[arg-type]
    assert valid.tolist() == [False, True, False, True, True]
    assert (hashes[1] == hashes[3]).all()
    assert (hashes[1] != hashes[4]).any()
    part, counted = url_hashes(urls.slice(2, 2), variant)  # type: ignore[arg-type]
    assert (part == hashes[2:4]).all()
    assert counted.tolist() == [False, True]
    none, _ = url_hashes(pa.array([], pa.string()), variant)  # type: ignore[arg-type]
    assert none.shape == (0, 2)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.example.com/a/", "example.com/a"),
        ("http://example.com/a", "example.com/a"),
        ("HTTP://Example.com/A", "HTTP://Example.com/A"),  # case is kept and decides
        ("http://www2.example.com//", "www2.example.com"),
        ("http://a.com/?utm_source=x&id=3", "a.com"),
        (
            "http://a.com/b?id=3&utm_source=x",
            "a.com/b?id=3&utm_source=x",
        ),  # only right after the question mark
        ("http://a.com/b?ref=1", "a.com/b"),
        ("http://a.com/b?referrer", "a.com/b"),
        ("http://a.com/b/?feed=rss#c", "a.com/b"),
        ("http://a.com/b#c", "a.com/b#c"),
        ("http://web.example/save/https://www.a.com/b", "web.example/save/a.com/b"),  # wherever it stands
        ("https://www.", ""),
    ],
)
def test_c4_compares_its_own_form(url: str, expected: str) -> None:
    assert normal_urls(pa.array([url]), "c4") == [expected]
    assert hashes_of([url], "c4")[1][0] == bool(expected)


_PARTS = [
    "http://",
    "https://",
    "www.",
    "a",
    "é",
    "/",
    "?",
    "utm_",
    "ref",
    "feed",
    "&",
    "\n",
    "#",
    "http",
    "://",
]


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from(_PARTS), max_size=9))
def test_c4_equals_its_definition(parts: list[str]) -> None:
    url = "".join(parts)
    expected = re.sub(r"\?(utm_|ref|feed).*", "", re.sub(r"https?:\/\/(www\.)?", "", url)).rstrip("/")
    assert normal_urls(pa.array([url]), "c4") == [expected]


@settings(max_examples=300, deadline=None)
@given(rest=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_text_is_an_address_or_none_and_its_form_is_final(rest: str) -> None:
    for url in (rest, f"http://{rest}", f"http://a.com/{rest}"):
        form = normal_urls(pa.array([url]), "whatwg")
        assert "#" not in form[0]
        assert not form[0] or form[0].isascii()
        assert normal_urls(pa.array(form), "whatwg") == form
