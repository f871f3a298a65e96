"""What was removed as a copy: how much, of what, and whether the copies are any."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from pipeline.dashboard import clusters
from pipeline.dashboard.originals import originals
from pipeline.dashboard.pairs import DocumentPair, pair_of
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.views.missing import needs
from pipeline.dashboard.watch import Seen
from pipeline.interval import Rate
from pipeline.report.samples import cut, masked
from pipeline.sums import named, plain

LIMIT = 25  # rows of a page


class DuplicatesQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which cluster, and which two documents.

    `cluster`: the id of a cluster, whose members are told. `a`, `b`: ids of two documents that are compared, both or
    neither. `whole=true`: with all lines of the two, also equal ones far from a change. `offset`, `limit`: rows of the
    list of clusters, or of members, that are left out before the first, and told at most (100).
    """

    cluster: str = ""
    a: str = ""
    b: str = ""
    whole: bool = False
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = LIMIT


class DuplicateKind(msgspec.Struct, frozen=True, kw_only=True):
    """Documents removed as one kind of copy, and bytes of their texts (null where a run did not count them)."""

    kind: str
    documents: int
    bytes: int | None


class ClusterBin(msgspec.Struct, frozen=True, kw_only=True):
    """Clusters of `low` to `high` documents: how many `clusters`, and the `documents` in them."""

    low: int
    high: int
    clusters: int
    documents: int


class NearPairs(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs that MinHash proposed.

    `compared`: pairs that were measured; `rejected`: of these, pairs under the threshold; `capped`: pairs not looked
    at. `false`: share of proposed pairs that are none; `missed`: share of true pairs that were not proposed; both with
    their 95 % intervals, null where nothing tells.
    """

    compared: int
    rejected: int
    capped: int
    false: Rate | None
    missed: Rate | None


class DuplicateYear(msgspec.Struct, frozen=True, kw_only=True):
    """Documents crawled in one `year` (`unknown`, and `all` last): estimated `tokens`, and `lost` of them in copies."""

    year: str
    tokens: int
    lost: int


class LinesCut(msgspec.Struct, frozen=True, kw_only=True):
    """Repeated lines: `lines` compared, `cut` of them taken out with so many `characters`, out of `touched` documents,
    of which `emptied` had too little left and were removed."""

    lines: int
    cut: int
    characters: int
    touched: int
    emptied: int


class ClusterRow(msgspec.Struct, frozen=True, kw_only=True):
    """A document that stays for others: `id`, masked `url` and `title`, the `documents` that it stands for, itself
    included, its copies by kind (`kinds`), and the id of the `cluster` that it is in (which may hold others that stay).
    """

    id: str
    url: str
    title: str
    cluster: str
    documents: int
    kinds: dict[str, int]


class ClusterMember(msgspec.Struct, frozen=True, kw_only=True):
    """A document of a cluster: `id`, masked `url` and `title`, `date` of its crawl as given.

    `of`: the document that stays for it, null of one that stays itself; `kind` of copy; `similarity` to it: Jaccard of
    shingles, null where it was not measured.
    """

    id: str
    url: str
    title: str
    date: str
    of: str | None
    kind: str | None
    similarity: float | None


class DuplicateCluster(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster: its `id`, number of `documents`, how many of them `stay`, how many can be `listed` (few of a very
    large one), and the `members` of this page."""

    id: str
    documents: int
    stay: int
    listed: int
    members: list[ClusterMember]


class DuplicatesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about copies.

    `missing`: why there is nothing to tell, and what would bring it, or nothing. `shards`, `shards_done`: of the stage,
    where known. `documents`: that were compared; `removed`: as copies, the sum of `kinds`. `sizes`: clusters of two or
    more by size, every document that stays counted with those it stands for; `largest`: documents in the largest.
    `pairs`: how far hashing can be trusted, null where nothing was hashed. `years`: tokens lost by year of the crawl.
    `lines`: repeated lines, null where a recipe cuts none. `listed`: clusters that the list can tell, of `total`: all
    or the largest; `reading`: there are more to come. `clusters`: a page of the list, the largest first; empty where a
    `cluster` or a `pair` was asked for, which are null otherwise.
    """

    missing: str
    shards: int | None
    shards_done: int
    documents: int
    removed: int
    kinds: list[DuplicateKind]
    sizes: list[ClusterBin]
    largest: int
    pairs: NearPairs | None
    years: list[DuplicateYear]
    lines: LinesCut | None
    listed: int
    total: int
    reading: bool
    clusters: list[ClusterRow]
    cluster: DuplicateCluster | None
    pair: DocumentPair | None


def answer(house: House, seen: Seen, asked: DuplicatesQuestion) -> DuplicatesAnswer:
    """The duplicates of a run as far as it is."""
    if bool(asked.a) != bool(asked.b):
        raise BadQuestion("a and b: give the ids of two documents")
    run, held = seen.run, seen.clusters
    compared = run.closed["dedup"]
    kinds = _kinds(seen)
    sizes = {int(size): number for size, number in run.counts["clusters"].items()}
    stage: dict[str, Any] = next((one for one in seen.status["stages"] if one["stage"] == "dedup"), {})
    listing = not asked.cluster and not asked.a
    return DuplicatesAnswer(
        missing=needs(seen, ("dedup", "cut_lines"), "a section `dedup`"),
        shards=stage.get("shards"),
        shards_done=stage.get("shards_done", 0),
        documents=plain(compared, "in") or plain(run.closed["cut_lines"], "in"),
        removed=sum(one.documents for one in kinds),
        kinds=kinds,
        sizes=bins(sizes),
        largest=max(sizes, default=0),
        pairs=_pairs(run.counts["pairs"]),
        years=[
            DuplicateYear(year=row["year"], tokens=row["tokens"], lost=row["lost"])
            for row in run.counts["lost_by_year"]
        ],
        lines=_lines(run.counts["lines"]),
        listed=held.kept.num_rows,
        total=held.total,
        reading=held.reading,
        clusters=_list(seen, asked) if listing else [],
        cluster=_cluster(seen, asked) if asked.cluster else None,
        pair=pair_of(seen, asked.a, asked.b, asked.whole) if asked.a else None,
    )


def _kinds(seen: Seen) -> list[DuplicateKind]:
    closed = seen.run.closed
    sizes = named(closed["dedup"], "duplicate_bytes") + named(closed["cut_lines"], "duplicate_bytes")
    return [
        DuplicateKind(kind=kind, documents=number, bytes=sizes.get(kind))
        for kind, number in seen.run.counts["duplicates"].items()
    ]


def bins(sizes: dict[int, int]) -> list[ClusterBin]:
    """Sizes 2, 3 to 4, 5 to 8 and so on, up to the largest."""
    found = []
    low = 2
    while sizes and low <= max(sizes):
        high = 2 if low == 2 else 2 * (low - 1)
        inside = {size: number for size, number in sizes.items() if low <= size <= high}
        found.append(
            ClusterBin(
                low=low,
                high=high,
                clusters=sum(inside.values()),
                documents=sum(size * number for size, number in inside.items()),
            )
        )
        low = high + 1
    return found


def _pairs(found: dict[str, Any]) -> NearPairs | None:
    if not found:
        return None
    return NearPairs(
        compared=found["compared"],
        rejected=found["rejected"],
        capped=found["capped"],
        false=Rate(**found["false"]) if found["false"] else None,
        missed=Rate(**found["missed"]) if found["missed"] else None,
    )


def _lines(found: dict[str, int]) -> LinesCut | None:
    if not found:
        return None
    return LinesCut(
        lines=found["lines"],
        cut=found["lines_cut"],
        characters=found["characters_cut"],
        touched=found["documents_touched"],
        emptied=found["documents_emptied"],
    )


def _list(seen: Seen, asked: DuplicatesQuestion) -> list[ClusterRow]:
    held = seen.clusters
    page = held.kept.slice(asked.offset, asked.limit)
    kinds: dict[str, dict[str, int]] = {}
    counted = held.copies(page["id"]).group_by(["duplicate_of", "kind"]).aggregate([([], "count_all")])
    for row in sorted(counted.to_pylist(), key=lambda row: str(row["kind"])):
        kinds.setdefault(row["duplicate_of"], {})[row["kind"]] = row["count_all"]
    rows = page.to_pylist()
    told = _told(seen, {row["id"]: row["shard"] for row in rows})
    return [
        ClusterRow(
            id=row["id"],
            url=told[row["id"]]["url"],
            title=told[row["id"]]["title"],
            cluster=row["cluster"],
            documents=row["size"],
            kinds=kinds.get(row["id"], {})
            if row["size"] <= clusters.LIMIT
            else {},  # few of its copies are held
        )
        for row in rows
    ]


def _told(seen: Seen, shards: dict[str, str]) -> dict[str, dict[str, str]]:
    """Addresses and titles, masked and cut, and dates; empty where a document's file is gone."""
    names = ("url", "title", "date")
    rows = originals(seen.run, shards, names)
    values = [str(rows.get(id_, {}).get(name) or "") for id_ in shards for name in names]
    texts = iter(masked(values))
    return {id_: {name: cut(next(texts)) for name in names} for id_ in shards}


def _cluster(seen: Seen, asked: DuplicatesQuestion) -> DuplicateCluster:
    kept, copies = seen.clusters.of(asked.cluster)
    if not kept.num_rows:
        rest = (
            ""
            if seen.clusters.whole
            else "; only the largest clusters are looked up here, or not all are read yet"
        )
        raise BadQuestion(
            f"there is no cluster `{asked.cluster}`{rest}: `sluice why` tells a document's", 404
        )
    rows = [
        *kept.select(["id", "shard"]).to_pylist(),
        *copies.sort_by([("similarity", "descending"), ("id", "ascending")]).to_pylist(),
    ]
    page = rows[asked.offset : asked.offset + asked.limit]
    told = _told(seen, {row["id"]: row["shard"] for row in page})
    return DuplicateCluster(
        id=asked.cluster,
        documents=sum(kept["size"].to_pylist()),
        listed=len(rows),
        stay=kept.num_rows,
        members=[
            ClusterMember(
                id=row["id"],
                **told[row["id"]],
                of=row.get("duplicate_of"),
                kind=row.get("kind"),
                similarity=row.get("similarity"),
            )
            for row in page
        ],
    )


VIEW = View("duplicates", "Duplicates", "d", DuplicatesQuestion, DuplicatesAnswer, answer)
