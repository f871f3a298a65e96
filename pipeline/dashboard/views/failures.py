"""What could not be read or extracted: records by kind with their places, damaged inputs, shards given up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.errors import nearest
from pipeline.ledger import Output, Receipt
from pipeline.report.fault_kinds import FAILED, PROBLEMS
from pipeline.report.run import Run
from pipeline.report.samples import cut, masked
from pipeline.store import Folder, open_folder

SCANNED = 200  # files of failed records whose kinds are looked at by one question
FILES = 100  # input files that are listed
LOST = 100  # shards given up that are listed
_COLUMNS = ["id", "url", "kind", "warc_file", "warc_offset", "warc_length", "message"]
At = Annotated[int, msgspec.Meta(ge=0)]
Most = Annotated[int, msgspec.Meta(ge=1, le=200)]


class FailuresQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one `kind` and one input `file`, by its base name (empty: all), `limit` of them from `offset` on."""

    kind: str = ""
    file: str = ""
    limit: Most = 50
    offset: At = 0


class FailuresKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of failed records or of documents extracted in spite of a fault: their `number`, and what it means
    (`meaning`)."""

    kind: str
    number: int
    meaning: str


class FailuresRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One failed record: its `id`, the `kind` of failure, where it lies, `offset` and `length` in bytes of the file
    (null where not known), and why.

    `url` and `message` are cut, and personal data in them is masked.
    """

    id: str
    kind: str
    file: str
    offset: int | None
    length: int | None
    url: str
    message: str


class FailuresFile(msgspec.Struct, frozen=True, kw_only=True):
    """An input file of which something failed: its size in bytes (-1: it is missing) and failed `records`."""

    file: str
    size: int
    missing: bool
    records: int


class FailuresShard(msgspec.Struct, frozen=True, kw_only=True):
    """A shard of a `stage` that failed on every attempt, and the last reason.

    Its documents count as `shard_given_up`.
    """

    stage: str
    shard: str
    reason: str


class FailuresAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What failed.

    `failed` records in all, by `kinds`; `problems` counts documents that were kept in spite of a fault. `files` are the
    inputs with failures, those with most first, of `files_all`; `given_up` the shards given up, of `given_up_all`.
    `matching` records fit the question, `records` are those asked for, in the order of inputs. `complete` is false
    where only the first `looked_at` files of failed records were searched for the kind: then there may be more.
    """

    failed: int
    kinds: list[FailuresKind]
    problems: list[FailuresKind]
    files: list[FailuresFile]
    files_all: int
    given_up: list[FailuresShard]
    given_up_all: int
    matching: int
    complete: bool
    looked_at: int
    records: list[FailuresRecord]


def answer(house: House, seen: Seen, asked: FailuresQuestion) -> FailuresAnswer:
    """Failures as far as the run is; raises BadQuestion for a kind that did not occur or a file that is no input."""
    run = seen.run
    kinds = {kind: number for kind, number in run.counts["failed"].items() if number}
    if asked.kind and asked.kind not in kinds:
        raise BadQuestion(f"no record failed as `{asked.kind}`{nearest(asked.kind, list(kinds))}", 404)
    if asked.file and asked.file not in {file.name for file in run.inputs}:
        raise BadQuestion(f"there is no input file `{asked.file}`", 404)
    files, everything = _files(run)
    lost = [
        FailuresShard(stage=stage, shard=one.shard, reason=cut(one.reason))
        for stage, shards in run.lost.items()
        for one in shards
    ]
    found = _matching(run, everything, asked)
    return FailuresAnswer(
        failed=sum(kinds.values()),
        kinds=_explained(kinds, FAILED),
        problems=_explained(run.counts["problems"], PROBLEMS),
        files=files[:FILES],
        files_all=len(files),
        given_up=lost[:LOST],
        given_up_all=len(lost),
        **found,
    )


def _explained(counts: dict[str, int], meanings: dict[str, str]) -> list[FailuresKind]:
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [FailuresKind(kind=kind, number=number, meaning=meanings.get(kind, "")) for kind, number in ranked]


def _files(run: Run) -> tuple[list[FailuresFile], list[tuple[str, Output]]]:
    """The inputs with failures, those with most first; all files of failed records, with the input that each is of."""
    outputs = [
        (_input_of(receipt), output)
        for receipt in run.closed["extract"]
        for output in receipt.outputs
        if output.folder == "failed" and output.rows
    ]
    records: Counter[str] = Counter()
    for name, output in outputs:
        records[name] += output.rows
    found = [
        FailuresFile(file=file.name, size=file.size, missing=file.size < 0, records=records[file.name])
        for file in run.inputs
        if records[file.name] or file.size < 0
    ]
    return sorted(found, key=lambda one: (not one.missing, -one.records, one.file)), outputs


def _input_of(receipt: Receipt) -> str:
    """The base name of the file that a shard of `extract` is of; its first input is called `<name>:<start>-<end>`."""
    return receipt.inputs[0].name.rpartition(":")[0]


def _matching(run: Run, outputs: list[tuple[str, Output]], asked: FailuresQuestion) -> dict[str, Any]:
    """How many records fit, and the rows that are shown. Only the files that they lie in are read whole."""
    chosen = [one for one in outputs if not asked.file or one[0] == asked.file]
    looked = chosen[:SCANNED] if asked.kind else chosen
    matching, wanted = 0, []
    for name, output in looked:
        number = _kinds_in(run.folder, output)[asked.kind] if asked.kind else output.rows
        first, last = asked.offset - matching, asked.offset + asked.limit - matching
        if number and first < number and last > 0:
            wanted.append((name, output, max(first, 0), min(last, number)))
        matching += number
    rows = [
        row | {"warc_file": row["warc_file"] or name}
        for name, output, first, last in wanted
        for row in _rows(run.folder, output, asked.kind, first, last)
    ]
    return {
        "matching": matching,
        "complete": len(looked) == len(chosen),
        "looked_at": len(looked),
        "records": _records(rows),
    }


def _kinds_in(folder: Folder, output: Output) -> Counter[str]:
    return _read_kinds(folder.url, output.name) if folder.exists(output.name) else Counter()


@lru_cache(maxsize=4096)
def _read_kinds(run: str, name: str) -> Counter[str]:
    # A published file never changes: its name holds its digest.
    from pipeline.store.parquet import read_table

    return Counter(map(str, read_table(open_folder(run), name, ["kind"])["kind"].to_pylist()))


def _rows(folder: Folder, output: Output, kind: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    import pyarrow.compute as pc

    from pipeline.store.parquet import read_table

    if not folder.exists(output.name):
        return
    table = read_table(folder, output.name, _COLUMNS)
    if kind:
        table = table.filter(pc.equal(table["kind"], kind))
    yield from table.slice(first, last - first).to_pylist()


def _records(rows: list[dict[str, Any]]) -> list[FailuresRecord]:
    texts = masked([str(row[name] or "")[:2000] for row in rows for name in ("url", "message")])
    return [
        FailuresRecord(
            id=str(row["id"]),
            kind=str(row["kind"]),
            file=str(row["warc_file"]),
            offset=row["warc_offset"],
            length=row["warc_length"],
            url=cut(texts[2 * at]),
            message=cut(texts[2 * at + 1]),
        )
        for at, row in enumerate(rows)
    ]


VIEW = View("failures", "Failures", "x", FailuresQuestion, FailuresAnswer, answer)
