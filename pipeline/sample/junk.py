"""Pages that must not reach the corpus: spam, link farms, empty pages, code, one hostile page, other responses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Sequence
from html import escape

from pipeline.sample.article import Article, day, seeded, words
from pipeline.sample.page import Page, article_page, dropped
from pipeline.sample.site import site

_GOODS = ("replica watches", "designer handbags", "payday loans", "garden sheds", "weight loss tea", "used car parts",
          "discount sunglasses", "hotel vouchers", "printer ink", "running shoes")  # fmt: skip
_PLACES = ("Riverton", "Oakfield", "Northgate", "Brightwater", "Elmhurst", "Kingsford", "Lakeside", "Ashby")
_ADJECTIVES = ("cheap", "best", "discount", "original", "top rated", "wholesale", "affordable", "genuine")
_EMPTY = (
    "Coming soon.",
    "This page is under construction. Please check back later.",
    "No results found. Try another search.",
    "You must be logged in to view this page.",
    "The item that you are looking for is no longer available.",
    "Thank you! Your message has been sent.",
    "Index of /files",
    "Loading, please wait.",
)
MODULES = (
    "abc", "argparse", "bisect", "bdb", "cmd", "code", "codeop", "colorsys", "configparser", "contextlib", "copy",
    "csv", "difflib", "filecmp", "fileinput", "fnmatch", "fractions", "getopt", "gettext", "heapq", "html.parser",
    "linecache", "netrc", "optparse", "pprint", "queue", "quopri", "sched", "shlex", "statistics", "stringprep",
    "textwrap", "timeit", "trace", "zipapp",
)  # fmt: skip
"""Modules of the standard library that pydoc renders without running anything."""
_RENDER = """
import importlib, json, pydoc, sys
listing = pydoc.HTMLDoc()
print(json.dumps([listing.page(name, listing.document(importlib.import_module(name), name)) for name in sys.argv[1:]]))
"""
_PLACE_IN_FILES = re.compile(r'<a href="file:[^"]*">.*?</a>', re.DOTALL)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
ATTRIBUTES = 200_000


def keyword_spam(number: int) -> Page:
    """A page that says the same few words over and over, for search engines."""
    rng = seeded("spam", number)
    goods, place = rng.choice(_GOODS), rng.choice(_PLACES)
    phrases = [f"{adjective} {goods} {place}" for adjective in rng.sample(_ADJECTIVES, 4)]
    lines = []
    for _ in range(rng.randint(6, 10)):
        first, second, third = rng.sample(phrases, 3)
        lines.append(
            f"Buy {first} online. If you want {first}, then {second} is the best {goods} in {place}. "
            f"Order {second} and {third} today, because {goods} and more {goods} are in the {place} shop."
        )
    title = f"{phrases[0]} | {phrases[1]} | {phrases[2]}"
    return _junk(f"{goods.replace(' ', '-')}-{number}.example", "/", title, lines, "keyword_spam")


def link_farm(number: int) -> Page:
    """A page of links to pages of links."""
    rng = seeded("farm", number)
    links = []
    for at in range(rng.randint(120, 240)):
        label = f"{rng.choice(_ADJECTIVES)} {rng.choice(_GOODS)} {rng.choice(_PLACES)}"
        links.append(f'<li><a href="https://partner-{rng.randrange(900)}.example/{at}">{label}</a></li>')
    url = f"https://best-links-{number}.example/directory.html"
    title = f"<html><head><title>Link directory {number}</title></head>"
    body = f"{title}<body><h1>Our partners</h1><ul>{''.join(links)}</ul></body></html>"
    return Page(url, body.encode(), {"url": url, "case": "link_farm", "expect": dropped()})


def nearly_empty(number: int) -> Page:
    """A sentence or none in the frame of a site."""
    rng = seeded("empty", number)
    lines = [_EMPTY[number % len(_EMPTY)]]
    return _junk(
        f"site-{number}.example",
        f"/{rng.choice(('search', 'login', 'thanks', 'new'))}.html",
        "Untitled",
        lines,
        "nearly_empty",
    )


def code_listings(modules: Sequence[str]) -> list[Page]:
    """The modules' reference pages as pydoc renders them: names, signatures and code, hardly a sentence.

    A fresh interpreter renders them, since pydoc shows live objects, which other code in this process may have changed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-P", "-s", "-S", "-c", _RENDER, *modules]
    done = subprocess.run(
        command, env=kept | {"PYTHONHASHSEED": "0"}, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    made = []
    for module, text in zip(modules, json.loads(done.stdout), strict=True):
        body = _ADDRESS.sub("0x", _PLACE_IN_FILES.sub("", text)).encode()
        url = f"https://pydoc.example/{module}.html"
        made.append(Page(url, body, {"url": url, "case": "code_listing", "expect": dropped()}))
    return made


_WELCOME = (
    "The harbour office opens at eight in the morning, and the first boat leaves a quarter of an hour later. "
    "Tickets are sold at the window beside the stairs, where you can also ask for a map of the islands. Most "
    "visitors stay for the day and come back with the last boat, but there are rooms above the bakery for "
    "those who would rather watch the sun go down over the bay. Dogs travel free, bicycles cost extra, and in "
    "winter it is wise to call before you come."
)


def hostile() -> Page:
    """200,000 attributes on one element: every HTML parser needs minutes for it, and its text looks like a page's."""
    url = "https://hostile.example/attributes.html"
    attributes = " ".join(f'a{number}=""' for number in range(ATTRIBUTES))
    title = "<!DOCTYPE html><html><head><title>Attributes</title></head>"
    body = f"{title}<body><p {attributes}>{_WELCOME}</p></body></html>"
    expect = {"fates": ["failed", "dropped"], "neighbours": []}
    return Page(url, body.encode(), {"url": url, "case": "hostile", "expect": expect})


def other_responses() -> list[Page]:
    """Responses that are no pages: not found, moved, JSON, an image."""
    not_ok = {"fates": ["skipped"], "reason": "not_ok"}
    not_html = {"fates": ["skipped"], "reason": "not_html"}
    gone = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1><p>Nothing here.</p></body></html>"
    html = (("Content-Type", "text/html; charset=utf-8"),)
    moved = (("Location", "https://numpy.example/"), *html)
    pixel = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    pixel += _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND", b"")
    rows = (
        ("https://numpy.example/missing.html", gone, "not_ok", not_ok, "404 Not Found", html),
        ("https://numpy.example/old/", b"", "not_ok", not_ok, "301 Moved Permanently", moved),
        ("https://api.example/v1/items", b'{"items": [1, 2, 3], "next": null}', "not_html", not_html, "200 OK",
         (("Content-Type", "application/json"),)),
        ("https://static.example/pixel.png", pixel, "not_html", not_html, "200 OK", (("Content-Type", "image/png"),)),
    )  # fmt: skip
    return [
        Page(url, body, {"url": url, "case": case, "expect": expect}, status, headers)
        for url, body, case, expect, status, headers in rows
    ]


def _junk(host: str, path: str, title: str, lines: list[str], case: str) -> Page:
    rng = seeded(case, host)
    article = Article(host, path, title, tuple(("", line) for line in lines), day(rng))
    made = article_page(
        article, case, dropped(), [("/a", words("more_offers")), ("/b", escape("News"))], site(host)
    )
    made.truth.pop("boilerplate")
    return made


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
