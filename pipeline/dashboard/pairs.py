"""Two documents side by side: where they differ, and how similar they are by the measure that copies are found by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.dashboard.difference import CHARACTERS, difference
from pipeline.dashboard.originals import originals
from pipeline.dashboard.view import BadQuestion
from pipeline.report.samples import cut, masked

if TYPE_CHECKING:
    from pipeline.dashboard.watch import Seen
    from pipeline.dedup.settings import MinHashSettings

MEASURED = 500_000  # characters of each text that similarity is measured on, from its beginning
_COLUMNS = ("url", "title", "date", "text")


class PairSide(msgspec.Struct, frozen=True, kw_only=True):
    """One of two documents: `id`, masked `url` and `title`, `date` of its crawl; `characters` of its text, masked, of
    which the first `compared` are shown; `words`: of these, words that the other text has not."""

    id: str
    url: str
    title: str
    date: str
    characters: int
    compared: int
    words: int


class PairPiece(msgspec.Struct, frozen=True):
    """A run of `text`, masked; `changed` if the other text has it not."""

    text: str
    changed: bool


class PairRow(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of both texts side by side, `left` and `right` in pieces; `same` if nothing differs. Or no text, and in
    `left_out` the number of equal lines that are not told here."""

    left: list[PairPiece]
    right: list[PairPiece]
    same: bool
    left_out: int


class DocumentPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two documents, `left` and `right`.

    `jaccard`: shared shingles of all shingles of both, null if neither has any; a shingle is `ngram` of `unit` (`words`
    or `characters`) of the normal form of the text, unmasked, of its first 500,000 characters. `common`: words that
    both of the compared texts have in the same order. `rows`: the texts, masked.
    """

    left: PairSide
    right: PairSide
    jaccard: float | None
    ngram: int
    unit: str
    common: int
    rows: list[PairRow]


def pair_of(seen: Seen, left: str, right: str, whole: bool) -> DocumentPair:
    """Two documents by their ids; raises BadQuestion for one whose text is not there."""
    from pipeline.dedup.settings import MinHashSettings

    documents = _documents(seen, [left, right])
    one, two = (str(document["text"] or "") for document in documents)
    # Masked before it is cut: a cut address would not be recognised.
    first, second = masked([text[: CHARACTERS + 2000] for text in (one, two)])
    found = difference(first, second, whole)
    dedup = seen.run.recipe.dedup
    settings = (dedup.minhash if dedup else None) or MinHashSettings()
    return DocumentPair(
        left=_side(left, documents[0], found.left_characters, found.only_left),
        right=_side(right, documents[1], found.right_characters, found.only_right),
        jaccard=jaccard(one, two, settings),
        ngram=settings.ngram,
        unit=settings.unit,
        common=found.common,
        rows=[
            PairRow(
                left=[PairPiece(*piece) for piece in row.left],
                right=[PairPiece(*piece) for piece in row.right],
                same=row.same,
                left_out=row.left_out,
            )
            for row in found.rows
        ],
    )


def _documents(seen: Seen, ids: list[str]) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    shards = seen.clusters.shards(ids)
    if set(ids) - set(shards):
        table = seen.documents.table
        rows = table.filter(pc.is_in(table["id"], value_set=pa.array(ids, pa.string())))
        shards |= dict(zip(rows["id"].to_pylist(), rows["shard"].to_pylist(), strict=True))
    found = originals(seen.run, shards, _COLUMNS)
    for id_ in ids:
        if id_ not in found:
            raise BadQuestion(f"there is no text of a document `{id_}` that passed the filters", 404)
    return [found[id_] for id_ in ids]


def _side(id_: str, document: dict[str, Any], compared: int, words: int) -> PairSide:
    url, title = masked([str(document["url"] or ""), str(document["title"] or "")])
    return PairSide(
        id=id_,
        url=cut(url),
        title=cut(title),
        date=str(document["date"] or ""),
        characters=len(str(document["text"] or "")),
        compared=compared,
        words=words,
    )


def jaccard(one: str, two: str, settings: MinHashSettings) -> float | None:
    """|A & B| / |A | B| of the sets of shingles of two texts' normal forms; None if both are empty."""
    import pyarrow as pa

    from pipeline.dedup.normal import normal_form

    forms = normal_form(pa.array([one[:MEASURED], two[:MEASURED]], pa.large_string())).to_pylist()
    first, second = (_shingles(form, settings) for form in forms)
    every = len(first | second)
    return len(first & second) / every if every else None


def _shingles(form: str, settings: MinHashSettings) -> set[str]:
    """The n-grams of a form; of one with fewer units, all of them as one."""
    if not form:
        return set()
    units: Sequence[str] = form if settings.unit == "characters" else form.split(" ")
    join = "" if settings.unit == "characters" else " "
    size = min(settings.ngram, len(units))
    return {join.join(units[at : at + size]) for at in range(min(settings.longest, len(units) - size + 1))}
