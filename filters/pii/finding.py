"""Finds personal data of every kind in a text, each piece once.

Where two kinds claim the same characters, the surer one has them: a private key before what is in it, a card before a
telephone number. Masks that stand in the text are found by no kind.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from filters.pii import addresses, cards, emails, ibans, national_ids, phones, runs, secrets, ssns, wallets
from filters.pii.kinds import KINDS, OURS, Found, Kind
from filters.pii.runs import Run


class Finder(NamedTuple):
    """How one kind is found. A text without a match of `gate` (RE2) holds none of the kind."""

    kind: Kind
    gate: str
    find: Callable[[str], Iterator[Found]] | None = None
    among: Callable[[str, Iterable[Run]], Iterator[Found]] | None = None  # of the runs of digits


FINDERS: tuple[Finder, ...] = (  # the surest first
    Finder("private_keys", secrets.PEM_GATE, secrets.find_private_keys),
    Finder("emails", emails.GATE, emails.find),
    Finder("api_keys", secrets.GATE, secrets.find_keys),
    Finder("wallets", wallets.GATE, wallets.find),
    Finder("ibans", ibans.GATE, ibans.find),
    Finder("cards", runs.GATE, among=cards.find),
    Finder("ips", f"{addresses.IP_GATE}|{addresses.COLON_GATE}", addresses.find_ips),
    Finder("macs", addresses.COLON_GATE, addresses.find_macs),
    Finder("ssns", runs.GATE, among=ssns.find),
    Finder("national_ids", national_ids.GATE, national_ids.find_lettered),
    Finder("national_ids", runs.GATE, among=national_ids.find),
    Finder("phones", runs.GATE, among=phones.find),
)
GATES: tuple[str, ...] = tuple(dict.fromkeys(finder.gate for finder in FINDERS))
TOGETHER: tuple[
    tuple[str, ...], ...
] = (  # gates that few texts pass are tried as one pattern first: one pass, not five
    (emails.GATE,),
    (runs.GATE,),
    (secrets.GATE, secrets.PEM_GATE),
    tuple(gate for gate in GATES if gate not in (emails.GATE, runs.GATE, secrets.GATE, secrets.PEM_GATE)),
)


def find(text: str, kinds: Collection[Kind] = KINDS, gates: Collection[str] = GATES) -> list[Found]:
    """The personal data of a text, by place; no two overlap. `kinds`: only these are reported.

    Kinds that are not reported still keep their characters, so that the result for one kind never depends on which
    others are asked for. `gates` are those of `GATES` that are known to match (all: not known). Takes time linear in
    the length of the text, about 0.2 ms for a web page.
    """
    found: list[Found] = []
    taken: list[tuple[int, int]] = []
    numbers: list[Run] | None = None
    for finder in FINDERS:
        if finder.gate not in gates:
            continue
        if finder.among is not None:
            numbers = list(runs.find(text)) if numbers is None else numbers
            claims = finder.among(text, numbers)
        else:
            assert finder.find is not None
            claims = finder.find(text)
        for claim in claims:
            if _free(taken, claim.start, claim.end) and not _is_mask(text, claim.start, claim.end):
                bisect.insort(taken, (claim.start, claim.end))
                found.append(claim)
    return sorted((one for one in found if one.kind in kinds), key=lambda one: one.start)


def _free(taken: list[tuple[int, int]], start: int, end: int) -> bool:
    at = bisect.bisect_right(taken, (start, end))
    before = at > 0 and taken[at - 1][1] > start
    return not before and not (at < len(taken) and taken[at][0] < end)


def _is_mask(text: str, start: int, end: int) -> bool:
    """Whether a place overlaps a mask that reads like personal data."""
    if text[start:end] in OURS:
        return True
    for mask in OURS:
        first = max(0, start - len(mask) + 1)
        at = text.find(mask, first, end + len(mask) - 1)
        if at < 0:
            continue
        last = at + len(mask)
        before, after = text[at - 1 : at] if at else "", text[last : last + 2]
        joined = before.isalnum() or (before == "." and mask[0].isdigit()) or after[:1].isalnum()
        if not joined and not (after[:1] == "." and after[1:].isdigit()):
            return True
    return False
