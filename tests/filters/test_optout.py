"""Opt-outs: tokens and robots.txt to 0/1 signals, and which of them drop a document."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from filters import catalogue
from filters.batch import Batch
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.optout import AGENTS, SPEC, Settings, agents
from filters.robots import (
    MOST_BYTES,
    MOST_PATH,
    MOST_WILDCARDS,
    Group,
    Rules,
    Site,
    Stated,
    matches,
    normal_path,
    parse,
    place,
    product_token,
)
from pipeline.extraction.statements import content_signal, content_usage


def rules(text: str, *names: str) -> Rules:
    return parse(text.encode(), names or ("gptbot",), content_signal, content_usage)


def allowed(text: str, path: str, agent: str = "gptbot") -> bool:
    return Site(rules(text, agent)).ask(path).disallowed == 0


STATED = {
    "page:noai": {"noai"},
    "header:noimageai page:noindex": {"noimageai", "noindex"},
    "header@gptbot:noindex": {"noindex"},
    "page@somebot:noindex": set(),
    "header:noarchive": {"noarchive"},
    "header:tdm=1": {"tdm"},
    "header:tdm=1 page:tdm=0": set(),
    "header:tdm=0 page:tdm=1": {"tdm"},
    "header:tdm=0": set(),
    "header:ai-train=no": {"content_signal"},
    "header:ai-train=yes": set(),
    "header:ai-train=yes header:ai-train=no": {"content_signal"},
    "header:train-ai=n": {"content_usage"},
    "header:train-ai=y": set(),
    "page:rsl": {"rsl"},
    "": set(),
    "unknown words: of :no meaning@:": set(),
}


@pytest.mark.parametrize("stated", STATED)
def test_tokens_become_signals(stated: str) -> None:
    batch = Batch(["text", "text"], opt_outs=[stated, None])
    found = SPEC.measure(batch, Settings(), {})
    assert {name.removeprefix("optout_") for name, values in found.items() if values[0]} == STATED[stated]
    assert not any(values[1] for values in found.values())
    assert found.keys() == {signal.column for signal in SPEC.signals(Settings())}


class OneSite:
    """The robots.txt of one host."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self._site = Site(rules(text, *names))

    def site(self, host: str) -> Site | None:
        return self._site if host == "known.example" else None


def test_robots_become_signals() -> None:
    settings = Settings(agents=("GPTBot/1.1", "CCBot", "ccbot"))
    text = "User-agent: *\nDisallow: /x\nContent-Signal: ai-train=no\nContent-Usage: /u train-ai=n\nLicense: https://l/\n"
    robots = OneSite(text, agents(settings))
    urls = ["http://known.example/x", "http://known.example/u", "http://other.example/x", "nonsense"]
    found = SPEC.measure(Batch(["text"] * 4, urls), settings, {"robots": robots})
    assert found["optout_robots"].tolist() == [2, 0, 0, 0]
    assert found["optout_robots_known"].tolist() == [1, 1, 0, 0]
    assert found["optout_content_signal"].tolist() == [1, 1, 0, 0]
    assert found["optout_content_usage"].tolist() == [0, 1, 0, 0]
    assert found["optout_rsl"].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("drop", [(), ("noai",), ("tdm", "noai"), ("robots",)])
def test_only_what_the_recipe_names_drops(drop: tuple[str, ...]) -> None:
    chain = Chain(chain_steps([{"optout": {"drop": list(drop)}}]))
    tokens = {"noai": "page:noai", "tdm": "header:tdm=1", "noindex": "page:noindex"}
    rows = [{"id": name, "text": "text", "opt_out": token} for name, token in tokens.items()]
    verdict = chain.apply(from_rows(rows)).verdict
    expected = [f"optout.{name}" if name in drop else None for name in tokens]
    assert verdict.reason.to_pylist() == expected
    assert np.array_equal(verdict.keep, [one is None for one in expected])


def test_what_drops_can_change_without_measuring_again_and_the_agents_cannot() -> None:
    def measured(**values: Any) -> Any:
        return Chain(chain_steps([{"optout": values}])).fingerprint_settings(thresholds=False)

    assert measured() == measured(drop=["noai"])
    assert measured() != measured(agents=["CCBot"])


def test_statements_survive_an_edit_of_the_text() -> None:
    batch = Batch(["text"], ["http://x/"], opt_outs=["page:noai"]).edited(["other"])
    assert SPEC.measure(batch, Settings(), {})["optout_noai"].tolist() == [1]


def test_every_signal_names_its_specification() -> None:
    entries = [entry for entry in catalogue() if entry["filter"] == "optout"]
    assert {entry["rule"] for entry in entries if entry["rule"]} == {
        *(
            "noai",
            "noimageai",
            "noindex",
            "noarchive",
            "tdm",
            "content_signal",
            "content_usage",
            "rsl",
            "robots",
        ),
    }
    assert all(entry["source"] and entry["unit"] and entry["description"] for entry in entries)
    assert {entry["threshold"] for entry in entries} == {None}
    assert {"ccbot", "gptbot", "google-extended"} <= set(agents(Settings(agents=AGENTS)))


@pytest.mark.parametrize(
    ("text", "path", "is_allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("Disallow: /", "/a", True),  # before any group
        ("user-AGENT : gptBOT # us\nDISALLOW : /a # that", "/ab", False),
        ("User-agent: GPTBot/1.2 (+http://x)\nDisallow: /", "/a", False),
        ("User-agent: GPTBot-Extended\nDisallow: /", "/a", True),
        ("User-agent: GPT\nDisallow: /", "/a", True),
        ("User-agent: *\nDisallow: /\nUser-agent: GPTBot\nDisallow:", "/a", True),
        ("User-agent: a\nUser-agent: GPTBot\nDisallow: /x\nUser-agent: b\nDisallow: /y", "/x", False),
        ("User-agent: a\nUser-agent: GPTBot\nDisallow: /x\nUser-agent: b\nDisallow: /y", "/y", True),
        # groups of one agent are one
        (
            "User-agent: GPTBot\nDisallow: /x\nUser-agent: b\nAllow: /\nUser-agent: gptbot\nDisallow: /y",
            "/x",
            False,
        ),
        (
            "User-agent: GPTBot\nDisallow: /x\nUser-agent: b\nAllow: /\nUser-agent: gptbot\nDisallow: /y",
            "/y",
            False,
        ),
        # other lines do not end a group
        ("User-agent: GPTBot\nSitemap: http://x/\nUser-agent: b\nDisallow: /x", "/x", False),
        # the longest pattern counts, and Allow where they are as long
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nAllow: /a/b\nDisallow: /a/b/c", "/a/b/c", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: *\nAllow: /a*\nDisallow: /ab", "/ab", True),
        ("User-agent: *\nAllow: /$\nDisallow: /", "/", True),
        ("User-agent: *\nAllow: /$\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /*.php$", "/a/b.php", False),
        ("User-agent: *\nDisallow: /*.php$", "/a/b.php?x", True),
        ("User-agent: *\nDisallow: /*.php", "/a/b.php?x", False),
        ("User-agent: *\nDisallow: *?id=", "/a?id=1", False),
        ("User-agent: *\nDisallow: a", "/a", True),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
        # paths and patterns are compared in one form
        ("User-agent: *\nDisallow: /ä", "/%c3%a4", False),
        ("User-agent: *\nDisallow: /%7Ejoe/", "/~joe/x", False),
        ("User-agent: *\nDisallow: /a%2fb", "/a%2Fb", False),
        ("User-agent: *\nDisallow: /a%2fb", "/a/b", True),
        ("\ufeffUser-agent: *\rDisallow: /a\r\n", "/a", False),
    ],
)
def test_robots_as_rfc_9309_reads_it(text: str, path: str, is_allowed: bool) -> None:
    assert allowed(text, normal_path(path)) is is_allowed


def test_signals_of_training_in_robots() -> None:
    text = (
        "Content-Signal: ai-train=no\n"  # before any group: for all
        "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /ok/ train-ai=y\nAllow: /\n"
        "User-agent: GPTBot\nContent-Signal: search=yes\nContent-Usage: /ok/ train-ai=y\nAllow: /\n"
    )
    assert Site(rules(text)).ask("/a") == Stated(0, no_train=True, no_usage=True, rsl=False)
    assert Site(rules(text)).ask("/ok/a") == Stated(0, no_train=True, no_usage=False, rsl=False)
    same = "User-agent: *\nContent-Usage: /a train-ai=y\nContent-Usage: /a train-ai=n\n"
    assert Site(rules(same)).ask("/a").no_usage  # of equal patterns the most restrictive
    assert not Site(rules("User-agent: *\nContent-Signal: ai-train=yes, search=no")).ask("/a").no_train
    assert Site(rules("License: https://x/l.xml")).ask("/a").rsl
    assert not Site(rules("License: MIT")).ask("/a").rsl


def test_only_what_is_asked_for_is_kept() -> None:
    text = "User-agent: a\nUser-agent: b\nDisallow: /x\nUser-agent: other\nDisallow: /y\nDisallow: /z\n"
    assert rules(text, "a", "b") == Rules([0, 0, -1], [Group([("/x", "d")])])
    assert rules("User-agent: other\nDisallow: /", "a") == Rules([-1, -1], [])


def test_what_stands_behind_the_limit_is_not_read() -> None:
    text = "User-agent: *\n" + "# comment\n" * (MOST_BYTES // 10) + "Disallow: /\n"
    assert allowed(text, "/a")
    assert not allowed(text[: MOST_BYTES // 2] + "\nDisallow: /\n", "/a")


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://Example.com", "example.com", "/"),
        ("https://u:p@Example.com.:443/a?b#c", "example.com", "/a?b"),
        ("https://example.com:80/a", "example.com:80", "/a"),
        ("http://example.com:80?q", "example.com", "/?q"),
        ("http://[::1]:8080/x", "[::1]:8080", "/x"),
        ("ftp://example.com/a", "", ""),
        ("urn:uuid:1", "", ""),
        ("", "", ""),
        ("http://e/" + "x" * 9999, "e", "/" + "x" * (MOST_PATH - 1)),
    ],
)
def test_places(url: str, host: str, path: str) -> None:
    assert place(url) == (host, path)


@pytest.mark.parametrize(
    ("agent", "token"),
    [
        ("GPTBot/1.1 (x)", "gptbot"),
        (" Google-Extended ", "google-extended"),
        ("*", "*"),
        ("* x", "*"),
        ("é", ""),
    ],
)
def test_product_tokens(agent: str, token: str) -> None:
    assert product_token(agent) == token


@pytest.mark.parametrize(
    ("pattern", "path", "match"),
    [
        ("/a*b*c", "/axxbyyc/d", True),
        ("/a*b*c$", "/axxbyyc/d", False),
        ("/a*b*c$", "/axxbyyc", True),
        ("/*aa$", "/aa", True),
        ("/a*a$", "/a", False),
        ("/a**b", "/ab", True),
        ("*", "/", True),
        ("/a$", "/ab", False),
    ],
)
def test_wildcards(pattern: str, path: str, match: bool) -> None:
    assert matches(pattern, path) is match


HOSTILE = {
    "many patterns": "".join(f"Disallow: /{'a' * (number % 400)}{number}\n" for number in range(20_000)),
    "many wildcards": "".join(f"Disallow: /*a*a*a*a*{number}$\n" for number in range(20_000)),
    "long wildcards": "".join(f"Disallow: /*{'a' * 120}b{'a' * 120}{number}\n" for number in range(2000)),
    "one long pattern": "Disallow: /" + "*a" * 250_000,
    "many agents": "".join(f"User-agent: bot{number}\n" for number in range(30_000)) + "Disallow: /\n",
    "many groups": "User-agent: gptbot\nDisallow: /x\n" * 15_000,
    "no lines": "User-agent:" * 50_000,
    "percent": "Disallow: /" + "%" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_robots_cost_little(name: str) -> None:
    began = time.process_time()
    site = Site(rules("User-agent: gptbot\n" + HOSTILE[name]))
    assert time.process_time() - began < 3
    began = time.process_time()
    for end in "xyz":
        site.ask("/" + "a" * (MOST_PATH - 2) + end)
    assert time.process_time() - began < 3  # bounded by MOST_WILDCARDS, MOST_PATTERN and MOST_PATH


def test_of_too_many_wildcards_the_longest_count() -> None:
    text = "User-agent: *\nDisallow: /*y\n" + "".join(
        f"Disallow: /{number}*xx\n" for number in range(MOST_WILDCARDS)
    )
    assert allowed(text, "/y")
    assert not allowed(text, "/7/xx")
