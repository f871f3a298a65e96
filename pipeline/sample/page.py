"""A page as the sample's WARC holds it, and what the truth file says of it.

One line of `OUT.truth.jsonl` is `{"url", "case", "expect", ...}`. `expect` may have

- `fates`: the page's last fate must be one of these (`corpus`, `dropped`, `duplicates`, `failed`, `skipped`);
- `reason`: and the reason must start with this;
- `contains`, `absent`: strings that the text in the corpus must have and must not have;
- `group`: of all pages of this name exactly one is in the corpus and the others are its duplicates;
- `neighbours`: the pages read before and after it, which must not have failed with it.

Beside them a line may have `source` (the distribution that the text is from) and `boilerplate`: strings of the
site's frame that must not be in the text, if the page is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.sample.article import Article, seeded
from pipeline.sample.site import Site, site
from pipeline.sample.templates import Links, page


class Page(NamedTuple):
    """One response and its line of truth."""

    url: str
    body: bytes  # as sent: encoded
    truth: dict[str, Any]
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)


def article_page(
    article: Article, case: str, expect: dict[str, Any], related: Links, frame: Site | None = None
) -> Page:
    """An article in its site's template, as UTF-8."""
    chosen = frame or site(article.host)
    html = page(article, chosen, related)
    # half of the servers leave the charset to the page
    declared = "text/html; charset=utf-8" if seeded("server", article.host).random() < 0.5 else "text/html"
    return Page(
        article.url,
        html.encode(),
        truth(article, case, expect, chosen),
        headers=(("Content-Type", declared),),
    )


def plain_page(article: Article, related: Links) -> Page:
    """A page with nothing planted in it."""
    return article_page(article, "plain", kept(), related)


def truth(article: Article, case: str, expect: dict[str, Any], frame: Site) -> dict[str, Any]:
    """The truth line of a page made of an article."""
    source = article.host.removesuffix(".example")
    return {
        "url": article.url,
        "case": case,
        "expect": expect,
        "source": source,
        "boilerplate": list(frame.boilerplate),
    }


def kept(contains: Sequence[str] = (), absent: Sequence[str] = ()) -> dict[str, Any]:
    """Expect the page in the corpus, with and without the strings."""
    expect: dict[str, Any] = {"fates": ["corpus"]}
    if contains:
        expect["contains"] = list(contains)
    if absent:
        expect["absent"] = list(absent)
    return expect


def dropped(reason: str = "") -> dict[str, Any]:
    """Expect the page to be dropped, for a reason that starts so."""
    return {"fates": ["dropped"], "reason": reason} if reason else {"fates": ["dropped"]}
