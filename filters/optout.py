"""Opt-outs: what a page, its HTTP response and its site's robots.txt say against use for training or against crawling.

Statements of page and response stand in the Document's column `opt_out`, as tokens `<where>:<statement>` (see
`pipeline/extraction/statements.py`, which writes them); robots.txt comes as the asset `robots`, which the stage that
reads the crawl's robots.txt records makes. Everything is measured; a document is dropped only for what `drop` names.
Where a page and its response both say something about TDM, the page counts; where several places speak of one of the
other preferences, the most restrictive does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, get_args

import msgspec
import numpy as np

from filters.batch import Batch
from filters.robots import Site, place, product_token
from filters.types import FilterSpec, Rule, Signal

Array = np.ndarray[Any, Any]

# Crawlers that gather training data, by the names under which their operators document them.
AGENTS = (
    "CCBot",
    "GPTBot",
    "ClaudeBot",
    "Google-Extended",
    "Applebot-Extended",
    "Bytespider",
    "meta-externalagent",
    "Amazonbot",
    "cohere-training-data-crawler",
)
Name = Literal[
    "noai", "noimageai", "noindex", "noarchive", "tdm", "content_signal", "content_usage", "rsl", "robots"
]
_ROBOTS = "robots metadata and X-Robots-Tag"
_SIGNALS: dict[str, tuple[str, str, str]] = {
    "noai": ("0 or 1", "robots metadata or X-Robots-Tag says noai or noml", f"DeviantArt 2022, {_ROBOTS}"),
    "noimageai": ("0 or 1", "it says noimageai: about pictures alone", f"DeviantArt 2022, {_ROBOTS}"),
    "noindex": ("0 or 1", "it says noindex or none", f"Google Search Central, {_ROBOTS}"),
    "noarchive": ("0 or 1", "it says noarchive or nocache", f"Google Search Central, Bing 2023, {_ROBOTS}"),
    "tdm": (
        "0 or 1",
        "tdm-reservation is 1, by meta element or else by header",
        "TDM Reservation Protocol, W3C community group report 2024",
    ),
    "content_signal": (
        "0 or 1",
        "ai-train=no, by header or robots.txt",
        "Content Signals, Cloudflare 2025",
    ),
    "content_usage": (
        "0 or 1",
        "train-ai=n, by header or robots.txt",
        "draft-ietf-aipref-attach-05, draft-ietf-aipref-vocab-08",
    ),
    "rsl": ("0 or 1", "an RSL licence, by header, page or robots.txt", "Really Simple Licensing 1.0, 2025"),
    "robots": ("agents", "of the list that robots.txt keeps from this address", "RFC 9309"),
    "robots_known": ("0 or 1", "robots.txt of the host was given", "RFC 9309"),
}


class Robots(Protocol):
    """The robots.txt of many hosts, as the worker that holds it gives them."""

    def site(self, host: str) -> Site | None:
        """The rules of a host, parsed for the agents of the recipe; None where its robots.txt is not known."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which statements drop a document, and the agents whose names count as ours beside statements to all."""

    drop: tuple[Name, ...] = ()
    agents: tuple[str, ...] = AGENTS


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"optout_{name}", *texts) for name, texts in _SIGNALS.items()]


def rules(settings: Settings) -> list[Rule]:
    """A rule for every kind of statement; those that `drop` does not name are switched off."""
    return [
        Rule(name, f"optout_{name}", ">=", 1 if name in settings.drop else None, _SIGNALS[name][2])
        for name in get_args(Name)
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """What is stated of each document."""
    ours = agents(settings)
    robots: Robots | None = assets.get("robots")
    found = {name: np.zeros(len(batch), np.int64) for name in _SIGNALS}
    for row, stated in enumerate(batch.opt_outs):
        if stated:
            for name in _named(stated, ours):
                found[name][row] = 1
    if robots is not None:
        for row, url in enumerate(batch.urls):
            _ask(robots, url, row, found)
    return {f"optout_{name}": values for name, values in found.items()}


def agents(settings: Settings) -> tuple[str, ...]:
    """The product tokens of the settings' agents, each once, in order."""
    return tuple(dict.fromkeys(filter(None, map(product_token, settings.agents))))


def _named(stated: str, ours: tuple[str, ...]) -> set[str]:
    """The signals that the tokens of one document raise."""
    found: set[str] = set()
    tdm: dict[str, set[str]] = {}
    for token in stated.split():
        where, _, statement = token.partition(":")
        source, _, agent = where.partition("@")
        if agent and agent not in ours:
            continue
        if statement.startswith("tdm="):
            tdm.setdefault(source, set()).add(statement)
        name = _STATEMENTS.get(statement)
        if name is not None:
            found.add(name)
    if "tdm=1" in (tdm.get("page") or tdm.get("header") or ()):
        found.add("tdm")
    return found


_STATEMENTS = {
    "noai": "noai",
    "noimageai": "noimageai",
    "noindex": "noindex",
    "noarchive": "noarchive",
    "ai-train=no": "content_signal",
    "train-ai=n": "content_usage",
    "rsl": "rsl",
}


def _ask(robots: Robots, url: str, row: int, found: dict[str, Array]) -> None:
    host, path = place(url)
    site = robots.site(host) if host else None
    if site is None:
        return
    stated = site.ask(path)
    found["robots_known"][row] = 1
    found["robots"][row] = stated.disallowed
    for name, holds in (
        ("content_signal", stated.no_train),
        ("content_usage", stated.no_usage),
        ("rsl", stated.rsl),
    ):
        found[name][row] |= holds


SPEC = FilterSpec(
    name="optout",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    thresholds=frozenset({"drop"}),
)
