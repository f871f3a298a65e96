"""Counts and masks personal data in columns of texts, and says where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from filters.pii.finding import TOGETHER, find
from filters.pii.kinds import KINDS, Found, Kind, replacement
from filters.pii.settings import Settings, masked

Array = np.ndarray[Any, Any]
Place = tuple[Kind, int, int, bool]
SPANS = pa.list_(
    pa.struct([("kind", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("masked", pa.bool_())])
)
PASSES = 16  # what a mask makes of its surroundings can be found only once it stands: a few times at most


@dataclass(frozen=True)
class Masked:
    """Texts with their personal data masked. Places are characters of the masked text."""

    texts: pa.Array
    found: dict[Kind, Array]  # pieces of each kind that a text had, masked or not, int64
    masks: dict[Kind, Array]  # of the masked kinds: how many masks the text has got, int64
    spans: pa.Array  # of type `SPANS`: where the masks stand, and what was left in the text, by place


def mask(texts: pa.Array, settings: Settings) -> tuple[pa.Array, dict[Kind, Array]]:
    """The texts masked, and how many pieces of each kind every text had, masked or not."""
    done = apply(texts, settings)
    return done.texts, done.found


def apply(texts: pa.Array, settings: Settings) -> Masked:
    """Mask the kinds that the settings name and count all. Nulls stay null.

    Idempotent: masking the result again changes nothing and finds nothing of a masked kind.
    """
    column = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    kinds = masked(settings)
    found: dict[Kind, Array] = {kind: np.zeros(len(column), np.int64) for kind in KINDS}
    masks: dict[Kind, Array] = {kind: np.zeros(len(column), np.int64) for kind in kinds}
    spans: dict[int, list[Place]] = {}
    rows = candidates(column)
    values = column.to_pylist() if rows else []
    for row, gates in rows.items():
        text, places = _mask_text(str(values[row]), settings, kinds, gates)
        values[row], spans[row] = text, places
        for kind, _, _, is_mask in places:
            found[kind][row] += 1
            if is_mask:
                masks[kind][row] += 1
    changed = pa.array(values, column.type) if rows else column
    return Masked(changed, found, masks, _structs(column, spans))


def _structs(texts: pa.Array, places: dict[int, list[Place]]) -> pa.Array:
    """The places of each row as a column of type `SPANS`, null where the text is."""
    flat = [place for row in sorted(places) for place in places[row]]
    sizes = np.zeros(len(texts) + 1, np.int32)
    for row, each in places.items():
        sizes[row + 1] = len(each)
    fields = SPANS.value_type
    columns = [pa.array([place[i] for place in flat], fields[i].type) for i in range(fields.num_fields)]
    values = pa.StructArray.from_arrays(columns, fields=list(fields))
    offsets = pa.array(np.cumsum(sizes), pa.int32())
    return pa.ListArray.from_arrays(offsets, values, mask=texts.is_null() if len(texts) else None)


def count(texts: pa.Array) -> dict[Kind, Array]:
    """How many pieces of each kind every text has, int64."""
    found: dict[Kind, Array] = {kind: np.zeros(len(texts), np.int64) for kind in KINDS}
    rows = candidates(texts)
    for row, gates in rows.items():
        for one in find(texts[row].as_py(), KINDS, gates):
            found[one.kind][row] += 1
    return found


def candidates(texts: pa.Array) -> dict[int, frozenset[str]]:
    """Rows that may hold something, and the gates that each passes."""
    if not len(texts):
        return {}
    passed: dict[int, set[str]] = {}
    for gates in TOGETHER:
        some = np.flatnonzero(_matching(texts, "|".join(gates)))
        few = texts.take(pa.array(some)) if len(gates) > 1 else texts
        for gate in gates:
            rows = some[_matching(few, gate)] if len(gates) > 1 else some
            for row in rows.tolist():
                passed.setdefault(row, set()).add(gate)
    return {row: frozenset(gates) for row, gates in sorted(passed.items())}


def _matching(texts: pa.Array, pattern: str) -> Array:
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(pc.match_substring_regex(texts, pattern), False))


def _mask_text(
    text: str, settings: Settings, kinds: tuple[Kind, ...], gates: frozenset[str]
) -> tuple[str, list[Place]]:
    """A text masked, and where masks and unmasked pieces are in it."""
    wanted = frozenset(kinds)
    places: list[Place] = []  # of the masks made so far
    pieces = find(text, KINDS, gates)
    for _ in range(PASSES):
        hits = [one for one in pieces if one.kind in wanted]
        if not hits:
            break
        text, places = _replace(text, hits, places, settings)
        pieces = find(
            text, KINDS, gates
        )  # what is new stands beside a mask, and passes the gates that it passed
    left = [(one.kind, one.start, one.end, False) for one in pieces if one.kind not in wanted]
    return text, sorted([*places, *left], key=lambda one: one[1])


def _replace(
    text: str, hits: list[Found], places: list[Place], settings: Settings
) -> tuple[str, list[Place]]:
    """The text with masks for the hits, and the places of old masks and new ones in it."""
    parts, made, position, length, old = [], [], 0, 0, 0
    for hit in [*hits, None]:
        until = hit.start if hit is not None else len(text)
        while (
            old < len(places) and places[old][1] < until
        ):  # masks that stand before the hit are moved with the text
            kind, start, end, _ = places[old]
            made.append((kind, start - position + length, end - position + length, True))
            old += 1
        parts.append(text[position:until])
        length += until - position
        if hit is None:
            break
        new = replacement(hit.kind, settings.style, hit.detail)
        parts.append(new)
        made.append((hit.kind, length, length + len(new), True))
        length += len(new)
        position = hit.end
        while old < len(places) and places[old][1] < position:
            old += 1  # a mask inside the hit is gone
    return "".join(parts), made
