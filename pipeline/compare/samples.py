"""A few documents that one side keeps and the other does not, and what decides there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from filters.blocklist import host_and_address
from filters.types import Rule
from pipeline.compare.answer import Sample
from pipeline.report.samples import cut, masked

if TYPE_CHECKING:
    from pipeline.compare.join import Joined
    from pipeline.compare.run import RunSide
    from pipeline.compare.whatif import WhatIf

CUT = 300  # characters of a text
_WIDE = 4  # times as many are masked, so that no address is cut where it would not be recognised


def samples(
    side: RunSide | WhatIf,
    other: RunSide | WhatIf,
    chosen: Sequence[tuple[str, int, str, int, str, str]],
    both: Joined,
    name: str,
) -> list[Sample]:
    """The chosen documents (see `Joined.chosen`), in their order; `side`, called `name`, keeps them."""
    texts = _by_shard(chosen, 0, side.texts)
    details = _by_shard(chosen, 2, other.details)
    urls = both.urls(name, [one[0] for one in chosen])
    found = []
    for id_, shard, other_id, other_shard, fate, reason in chosen:
        text = texts.get((shard, id_))
        row = details.get((other_shard, other_id), {})
        rule = _rule(other, reason, row)
        shown, url = masked([(text or "")[: _WIDE * CUT], urls.get(id_) or ""])
        found.append(
            Sample(
                id=id_,
                url=cut(url),
                host=host_and_address(url)[0],
                other_id=other_id,
                fate=fate,
                reason=reason,
                reasons=list(row.get("reasons") or []),
                signal=rule.signal if rule else None,
                value=row.get(rule.signal) if rule else None,
                drop_when=rule.drop_when if rule else None,
                threshold=list(rule.threshold)
                if rule and isinstance(rule.threshold, tuple)
                else (rule.threshold if rule else None),
                detail=_detail(fate, row),
                text=None if text is None else shown[:CUT],
            )
        )
    return found


def _by_shard(chosen: Sequence[tuple[Any, ...]], at: int, read: Any) -> dict[tuple[int, str], Any]:
    """What `read(shard, ids)` says, by shard and id; `at` is where the id stands in a row, its shard behind it."""
    ids = defaultdict(list)
    for row in chosen:
        ids[row[at + 1]].append(row[at])
    return {
        (shard, id_): value for shard, wanted in ids.items() for id_, value in read(shard, wanted).items()
    }


def _rule(side: RunSide | WhatIf, reason: str, row: dict[str, Any]) -> Rule | None:
    """The rule of that name with its threshold for the document's language."""
    if side.recipe.filters is None:
        return None
    language = row.get("language")
    return next((rule for name, rule in side.recipe.chain({}).rules_for(language) if name == reason), None)


def _detail(fate: str, row: dict[str, Any]) -> str:
    if fate == "failed":
        (message,) = masked([str(row.get("message") or "")])
        return cut(message)
    return str(row.get("duplicate_of") or "") if fate == "duplicate" else ""
