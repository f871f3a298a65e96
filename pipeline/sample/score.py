"""How many of the planted cases a run caught: the truth file against each page's last fate."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

EXAMPLES = 5
BOILERPLATE = "boilerplate"
"""The case of the strings around the text: counted for every kept page that has a frame."""

_QUOTES = str.maketrans("‘’“”–—\u00a0", "''\"\"-- ")
_SPACE = re.compile(r"\s+")


class CaseScore(NamedTuple):
    """One planted case: how often it was planted, how often the run did what was expected."""

    case: str
    planted: int
    caught: int
    missed_examples: tuple[str, ...]  # at most `EXAMPLES` addresses


def score(truth: Iterable[Mapping[str, Any]], fates: Mapping[str, Mapping[str, Any]]) -> list[CaseScore]:
    """Judge a run by the lines of a truth file; `page.py` says what a line expects.

    `fates` maps an address to `{"fate", "reason", "text", "duplicate_of"}`, of which only `fate` must be there; an
    address that it lacks counts as missed. Copies are counted by group: a group is caught when one page of it is in
    the corpus and all others are duplicates. Cases come in the order in which they first appear, boilerplate last.
    """
    judged: dict[str, list[tuple[str, bool]]] = {}
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    framed: list[tuple[str, bool]] = []
    for line in truth:
        url, case, expect = line["url"], line["case"], line["expect"]
        verdicts = judged.setdefault(case, [])
        if "group" in expect:
            groups[case, expect["group"]].append(url)
        else:
            verdicts.append((url, _as_expected(url, expect, fates)))
        text = _kept_text(url, fates)
        if text is not None and line.get("boilerplate"):
            framed.append((url, not any(_plain(part) in text for part in line["boilerplate"])))
    for (case, _), urls in groups.items():
        found = sorted(str(fates.get(url, {}).get("fate")) for url in urls)
        judged[case].append((urls[0], found == sorted(["corpus", *["duplicates"] * (len(urls) - 1)])))
    if framed:
        judged[BOILERPLATE] = framed
    return [_case_score(case, verdicts) for case, verdicts in judged.items()]


def _case_score(case: str, verdicts: list[tuple[str, bool]]) -> CaseScore:
    missed = [url for url, good in verdicts if not good]
    return CaseScore(case, len(verdicts), len(verdicts) - len(missed), tuple(missed[:EXAMPLES]))


def _as_expected(url: str, expect: Mapping[str, Any], fates: Mapping[str, Mapping[str, Any]]) -> bool:
    fate = fates.get(url)
    if fate is None or fate["fate"] not in expect["fates"]:
        return False
    if not str(fate.get("reason") or "").startswith(expect.get("reason", "")):
        return False
    if any(fates.get(other, {}).get("fate", "failed") == "failed" for other in expect.get("neighbours", ())):
        return False
    text = _kept_text(url, fates) or ""
    has = all(_plain(part) in text for part in expect.get("contains", ()))
    return has and not any(_plain(part) in text for part in expect.get("absent", ()))


def _kept_text(url: str, fates: Mapping[str, Mapping[str, Any]]) -> str | None:
    fate = fates.get(url)
    return _plain(fate.get("text") or "") if fate and fate["fate"] == "corpus" else None


def _plain(text: str) -> str:
    """Text with single spaces and typewriter quotation marks, which extractors and edits treat differently."""
    return _SPACE.sub(" ", text.translate(_QUOTES)).strip()
