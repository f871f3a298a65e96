"""A run folder of any size that was never computed: what a real small run did, repeated.

    python benchmarks/dashboard.py --synthetic DIR [--base RUN] [--shards 10000] [--documents 100000000] [--live]
    python benchmarks/dashboard.py --synthetic DIR --exact [--shards 100] [--documents 1000000]

Real: the recipe; the counts, histograms and signals of the base run's shards; all files of the ledger with their
digests and seals. Synthetic: a shard is three shards of the base run, each a whole number of times, so all sums still
add up; every document is one of the base run's under an id, a place, an address and a host of its own. Costs, hosts,
times, failures and shards that were given up are made up. `signals/` holds exactly the documents whose ids the stored
sample (`pipeline.signal_sample`) would take. Other files are named by the receipts but absent, as after a release,
unless `exact` writes documents/, dropped/, duplicates/, clusters/ and corpus/, whose texts are one line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numba import njit

from pipeline.inputs import LARGE_RANGE, InputFile
from pipeline.ledger import (
    Cost,
    GivenUp,
    Input,
    Ledger,
    Manifest,
    Output,
    Receipt,
    Root,
    receipt_name,
    sealed,
    shard_key,
)
from pipeline.signal_sample import SAMPLED
from pipeline.store import open_folder
from pipeline.store.digest import combine

RANGES = 4  # shards to an input: a WARC of 1 GiB
KINDS = 97  # different mixtures of the base run's shards
PARTS = 3  # shards of the base run to a mixture
HOSTS, LANES = 8, 64  # machines, and shards that are worked on at once on all of them
DAY, BEGAN = 86_400.0, 1_760_000_000.0  # seconds; Unix time
FAILING = 8  # shards to one in which pages failed
LOST = 2  # shards given up
STORED = ("documents", "dropped", "duplicates", "clusters", "corpus")
FAILED = ("timeout", "extractor_error")
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Asked:
    """What is made: about `documents` in `shards`; `live` leaves the stage `filter` half done."""

    base: Path
    shards: int = 10_000
    documents: int = 100_000_000
    live: bool = False
    exact: bool = False
    seed: int = 1


@dataclass
class Base:
    """The run that is repeated: receipts by stage in plan order, and its judged documents by shard."""

    recipe: bytes
    stages: list[str]
    manifests: dict[str, Manifest]
    receipts: dict[str, list[Receipt]]
    judged: pa.Table  # as in signals/, all documents
    rows: dict[str, Array]  # of `judged`, by shard
    stored: dict[str, pa.Table]  # by folder
    at: dict[str, Array] = field(default_factory=dict)  # row of `stored` of each judged document, or -1


@dataclass(frozen=True)
class Kind:
    """A mixture: base shards and how many times each, and by stage the receipt that has its sums."""

    weights: dict[str, int]
    receipts: dict[str, Receipt]
    rows: Array  # of the judged documents, repeated


def make(asked: Asked, out: Path) -> dict[str, Any]:
    """Write the run; returns documents, rows of signals, and shards by stage."""
    if out.exists() and any(out.iterdir()):
        raise SystemExit(f"{out} is not empty")
    base = _read(asked.base, asked.exact)
    rng = np.random.default_rng(asked.seed)
    kinds = _kinds(base, asked, rng)
    files = _inputs(asked.shards)
    shards = [(file, start) for file in files for start in range(0, file.size, LARGE_RANGE)]
    for stage in base.stages:
        (out / "ledger" / stage).mkdir(parents=True, exist_ok=True)
    for folder in ("signals", "failed", *(STORED if asked.exact else ())):
        (out / folder).mkdir(exist_ok=True)
    writer = _Writer(base, asked, kinds, out, rng)
    for number, (file, start) in enumerate(shards):
        writer.shard(number, file, start)
    inputs = msgspec.json.format(msgspec.json.encode(files), indent=1)
    (out / "recipe.yaml").write_bytes(base.recipe)
    (out / "inputs.json").write_bytes(inputs)
    closed = writer.close()
    Ledger(open_folder(out)).write_root(
        Root(
            recipe_sha256=hashlib.sha256(base.recipe).hexdigest(),
            inputs_sha256=hashlib.sha256(inputs).hexdigest(),
            stages=base.stages,
            closed=sorted(closed),
        )
    )
    return {
        "documents": writer.documents,
        "sampled": writer.sampled,
        "receipts": {stage: len(names) for stage, names in writer.names.items()},
    }


# --- What is repeated -------------------------------------------------------------------------------------------------


def _read(run: Path, exact: bool) -> Base:
    ledger = Ledger(open_folder(run))
    root = ledger.root()
    assert root is not None, f"{run} has no ledger"
    stages = [name for name in root.stages if name in root.closed]
    manifests = {name: manifest for name in stages if (manifest := ledger.manifest(name))}
    receipts = {name: ledger.closed(name) for name in stages}
    tables, rows, begin = [], {}, 0
    schema = pq.read_schema(next(iter(sorted((run / "signals").glob("*.parquet")))))
    for receipt in receipts["filter"]:
        both = [
            _judged(pq.read_table(run / output.name), schema, output.folder == "documents")
            for output in receipt.outputs
            if output.folder in ("documents", "dropped")
        ]
        tables += both
        rows[receipt.shard] = np.arange(begin, begin + sum(map(len, both)))
        begin += len(rows[receipt.shard])
    judged = pa.concat_tables(tables).combine_chunks()
    base = Base((run / "recipe.yaml").read_bytes(), stages, manifests, receipts, judged, rows, {})
    if exact:
        ids = judged["id"].combine_chunks()
        for under in STORED:
            found = [pq.read_table(path) for path in sorted((run / under).glob("*.parquet"))]
            if found:
                base.stored[under] = _short(pa.concat_tables(found).combine_chunks())
                at = pc.index_in(ids, value_set=base.stored[under]["id"].combine_chunks())
                base.at[under] = np.asarray(pc.fill_null(at, -1))
    return base


def _judged(table: pa.Table, schema: pa.Schema, kept: bool) -> pa.Table:
    columns = [
        pa.array(np.full(len(table), kept))
        if name == "kept"
        else table[name]
        if name in table.column_names
        else pa.nulls(len(table), schema.field(name).type)
        for name in schema.names
    ]
    return pa.table(dict(zip(schema.names, columns, strict=True))).cast(schema)


def _short(table: pa.Table) -> pa.Table:
    """With texts of one line."""
    if "text" not in table.column_names:
        return table
    texts = pa.array(["A line in place of the text."] * len(table), table.schema.field("text").type)
    return table.set_column(table.schema.get_field_index("text"), "text", texts)


def _kinds(base: Base, asked: Asked, rng: np.random.Generator) -> list[Kind]:
    sizes = {shard: len(rows) for shard, rows in base.rows.items() if len(rows)}
    kinds = []
    mean = asked.documents / asked.shards
    for _ in range(min(KINDS, asked.shards)):
        chosen = rng.choice(sorted(sizes), min(PARTS, len(sizes)), replace=False)
        shares = rng.dirichlet(np.full(len(chosen), 4.0)) * mean
        weights = {
            str(one): max(1, round(share / sizes[str(one)]))
            for one, share in zip(chosen, shares, strict=True)
        }
        receipts = {}
        for stage in base.stages:
            by_shard = {receipt.shard: receipt for receipt in base.receipts[stage]}
            if weights.keys() <= by_shard.keys():
                receipts[stage] = _mixed([(by_shard[shard], times) for shard, times in weights.items()])
        rows = np.concatenate([np.repeat(base.rows[shard], times) for shard, times in weights.items()])
        kinds.append(Kind(weights, receipts, rows))
    return kinds


def _mixed(parts: Sequence[tuple[Receipt, int]]) -> Receipt:
    counts: dict[str, Any] = {}
    histograms: dict[str, Any] = {}
    folders: dict[tuple[str, str], list[int]] = {}
    for receipt, times in parts:
        _add(counts, receipt.counts, times)
        _add(histograms, receipt.histograms, times)
        for output in receipt.outputs:
            sums = folders.setdefault((output.folder, output.name.rpartition(".")[2]), [0, 0])
            sums[0] += times * output.rows
            sums[1] += times * output.bytes
    first = parts[0][0]
    total = Cost(
        core_seconds=sum(times * receipt.cost.core_seconds for receipt, times in parts),
        wall_seconds=0,
        documents=sum(times * receipt.cost.documents for receipt, times in parts),
        peak_memory=max(receipt.cost.peak_memory for receipt, _ in parts),
        parts=_added({}, [(receipt.cost.parts, times) for receipt, times in parts]),
    )
    outputs = [
        Output(name=f"{under}/.{ending}", rows=rows, bytes=size, sha256="")
        for (under, ending), (rows, size) in folders.items()
    ]
    return msgspec.structs.replace(first, counts=counts, histograms=histograms, outputs=outputs, cost=total)


def _add(into: dict[str, Any], more: Mapping[str, Any], times: float) -> None:
    for key, value in more.items():
        if isinstance(value, dict):
            _add(into.setdefault(key, {}), value, times)
        else:
            into[key] = into.get(key, 0) + (value * times if isinstance(times, int) else round(value * times))


def _added(into: dict[str, float], parts: Iterable[tuple[Mapping[str, float], int]]) -> dict[str, float]:
    for part, times in parts:
        for key, value in part.items():
            into[key] = into.get(key, 0.0) + times * value
    return into


def _inputs(shards: int) -> list[InputFile]:
    files = []
    for number, first in enumerate(range(0, shards, RANGES)):
        name = f"SYNTHETIC-{number:05d}.warc.gz"
        files.append(
            InputFile(
                path=f"/synthetic/CC-MAIN-2024-{10 + number % 3}/{name}",
                name=name,
                kind="warc",
                size=LARGE_RANGE * min(RANGES, shards - first),
                digest=_made(name),
            )
        )
    return files


# --- What is written --------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the shards, one after the other, and keeps what manifests need."""

    def __init__(
        self, base: Base, asked: Asked, kinds: list[Kind], out: Path, rng: np.random.Generator
    ) -> None:
        self.base, self.asked, self.kinds, self.out, self.rng = base, asked, kinds, out, rng
        self.names: dict[str, list[str]] = {stage: [] for stage in base.stages}
        self.files: dict[str, list[str]] = {stage: [] for stage in base.stages}
        self.digests: dict[str, list[str]] = {stage: [] for stage in base.stages}
        self.outputs: dict[str, list[Output]] = {}
        self.documents = self.sampled = 0
        self.lost: list[str] = []
        self.given_up = [Input(name="given_up", digest="")]
        seconds = [sum(one.cost.core_seconds for one in base.receipts[stage]) for stage in base.stages]
        ends = np.cumsum([max(second, sum(seconds) / 50) for second in seconds])
        self.starts = dict(
            zip(base.stages, (np.concatenate([[0], ends[:-1]]) / ends[-1] * DAY).tolist(), strict=True)
        )
        self.ends = dict(zip(base.stages, (ends / ends[-1] * DAY).tolist(), strict=True))
        alone = [f"{file.name}-{start:012d}" for file, start in self._given_up()]
        self.lost = sorted(alone)
        if alone:
            self.given_up = [Input(name="given_up", digest=combine(self.lost))]

    def _given_up(self) -> list[tuple[InputFile, int]]:
        places = [
            (file, start) for file in _inputs(self.asked.shards) for start in range(0, file.size, LARGE_RANGE)
        ]
        few = [self.asked.shards // 3, self.asked.shards // 2][: LOST if self.asked.shards > 10 else 0]
        return [places[at] for at in few]

    def shard(self, number: int, file: InputFile, start: int) -> None:
        shard = f"{file.name}-{start:012d}"
        if shard in self.lost:
            return
        kind = self.kinds[number % len(self.kinds)]
        rows = self.rng.permutation(kind.rows)
        step = (LARGE_RANGE - 1024) // len(rows)
        written = self._stored(shard, file, start, rows, step)
        failed = int(self.rng.integers(1, 40)) if number % FAILING == 3 else 0
        there: dict[str, Output] = {}
        for stage, template in kind.receipts.items():
            if self.asked.live and self._left_out(stage, number):
                break
            outputs = []
            for one in template.outputs:
                output = written.get(one.folder) or self._absent(one, shard, stage)
                if one.folder == "failed":
                    output = self._failed(shard, file, start, failed)
                outputs.append(output)
                there[one.folder] = output
            inputs = [
                self._input(one, file, start, shard, there)
                for one in template.inputs
                if one.name != "given_up"
            ]
            if stage != "extract" and self.lost:
                inputs += self.given_up
            counts = template.counts
            if stage == "extract":
                counts = _with_failures(counts, failed)
            self._write(stage, shard, number, inputs, outputs, template, counts)
            for output in outputs:
                self.outputs.setdefault(output.folder, []).append(output)
        self.documents += len(rows)

    def _left_out(self, stage: str, number: int) -> bool:
        order = self.base.stages
        if stage == "filter":
            return number >= self.asked.shards // 2
        return order.index(stage) > order.index("filter")

    def _input(
        self, one: Input, file: InputFile, start: int, shard: str, there: Mapping[str, Output]
    ) -> Input:
        if ".warc" in one.name or ":" in one.name:
            end = min(start + LARGE_RANGE, file.size)
            return Input(name=f"{file.name}:{start}-{end}", digest=file.digest)
        if one.name in there:
            return Input(name=one.name, digest=there[one.name].sha256)
        return Input(name=one.name, digest=_made(f"{one.name} {shard}"))

    def _absent(self, one: Output, shard: str, stage: str) -> Output:
        digest = _made(f"{stage} {one.name} {shard}")
        under, ending = one.folder, one.name.rpartition(".")[2]
        return Output(
            name=f"{under}/{shard}-{digest[:12]}.{ending}", rows=one.rows, bytes=one.bytes, sha256=digest
        )

    def _stored(self, shard: str, file: InputFile, start: int, rows: Array, step: int) -> dict[str, Output]:
        taken = _sampled(f"signals {file.name}@", start + 512, step, len(rows), SAMPLED)
        signals = _placed(self.base.judged.take(rows[taken]), file, start + 512 + taken * step)
        self.sampled += len(taken)
        found = {"signals": self._file("signals", shard, signals)}
        for under, table in self.base.stored.items():
            at = self.base.at[under][rows]
            there = np.flatnonzero(at >= 0)
            placed = _placed(table.take(at[there]), file, start + 512 + there * step)
            found[under] = self._file(under, shard, placed)
        return found

    def _file(self, under: str, shard: str, table: pa.Table) -> Output:
        sink = pa.BufferOutputStream()
        pq.write_table(
            table,
            sink,
            compression="zstd",
            compression_level=1,
            write_page_checksum=True,
            row_group_size=1024,
        )
        data = sink.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        name = f"{under}/{shard}-{digest[:12]}.parquet"
        with open(self.out / name, "wb") as target:
            target.write(data)
        return Output(name=name, rows=len(table), bytes=data.size, sha256=digest)

    def _failed(self, shard: str, file: InputFile, start: int, failed: int) -> Output:
        from pipeline.extract import FAILED_SCHEMA

        offsets = [start + number for number in range(failed)]
        table = pa.Table.from_pylist(
            [
                {
                    "id": f"{file.name}@{offset}",
                    "url": f"https://example.com/{offset}",
                    "kind": FAILED[offset % len(FAILED)],
                    "warc_file": file.name,
                    "warc_offset": offset,
                    "warc_length": 1000,
                    "message": "made up",
                }
                for offset in offsets
            ],
            schema=FAILED_SCHEMA,
        )
        return self._file("failed", shard, table)

    def _write(
        self,
        stage: str,
        shard: str,
        number: int,
        inputs: list[Input],
        outputs: list[Output],
        template: Receipt,
        counts: Mapping[str, Any],
    ) -> None:
        fingerprint = self.base.manifests[stage].fingerprint
        values = template.values
        if "range_sha256" in values:
            values = {"range_sha256": _made(f"range {shard}")}
        receipt = Receipt(
            stage=stage,
            shard=shard,
            key=shard_key(fingerprint, inputs),
            fingerprint=fingerprint,
            inputs=inputs,
            outputs=outputs,
            counts=dict(counts),
            histograms=template.histograms,
            values=values,
            cost=self._cost(stage, number, template.cost),
        )
        data = msgspec.json.format(msgspec.json.encode(sealed(receipt)), indent=1)
        name = receipt_name(receipt.shard, receipt.key)
        with open(self.out / "ledger" / stage / name, "wb") as target:
            target.write(data)
        self.names[stage].append(name)
        self.files[stage].append(hashlib.sha256(data).hexdigest())
        self.digests[stage].append(receipt.digest())

    def _cost(self, stage: str, number: int, base: Cost) -> Cost:
        """As if `LANES` shards were worked on at once, the stages one after the other, all in a day."""
        turns = max(1, -(-self.asked.shards // LANES))
        turn = (self.ends[stage] - self.starts[stage]) / turns
        took = turn * float(self.rng.uniform(0.6, 0.98))
        return Cost(
            core_seconds=round(0.95 * took, 3),
            wall_seconds=round(took, 3),
            bytes_in=LARGE_RANGE if stage == "extract" else 0,
            documents=base.documents,
            host=f"host-{number % LANES % HOSTS}",
            started=round(BEGAN + self.starts[stage] + number // LANES * turn, 3),
            peak_memory=int(base.peak_memory * self.rng.uniform(0.8, 1.6)),
            parts=base.parts,
        )

    def close(self) -> list[str]:
        """Write the receipts of stages that have one for all shards, and the manifests; the stages closed."""
        closed = []
        for stage in self.base.stages:
            if self.asked.live and (stage == "filter" or self._left_out(stage, 0)):
                break
            if not self.names[stage]:
                self._whole(stage)
            self._manifest(stage)
            closed.append(stage)
        return closed

    def _whole(self, stage: str) -> None:
        """Stages that have a few receipts for all shards: the base run's, times as many documents."""
        times = self.documents / len(self.base.judged)
        for number, receipt in enumerate(self.base.receipts[stage]):
            counts: dict[str, Any] = {}
            _add(counts, receipt.counts, times)
            values = msgspec.to_builtins(receipt.values)
            if "pair_errors" in values:
                values["pair_errors"] = {name: one * times for name, one in values["pair_errors"].items()}
            template = msgspec.structs.replace(receipt, values=values)
            inputs = [Input(name=one.name, digest=_made(f"{stage} {one.name}")) for one in receipt.inputs]
            of_shards = [one for one in receipt.outputs if ".warc" in one.name]
            outputs = [
                self._absent(one, receipt.shard, stage) for one in receipt.outputs if one not in of_shards
            ]
            if of_shards:
                names = [name.rpartition("-")[0] for name in self.names["filter"]]
                outputs += [self._absent(of_shards[0], shard, stage) for shard in names]
            self._write(stage, receipt.shard, number, inputs, outputs, template, counts)

    def _manifest(self, stage: str) -> None:
        base = self.base.manifests[stage]
        reason = "made up: the shard failed on every attempt"
        lost = [GivenUp(shard=shard, reason=reason) for shard in self.lost] if stage == "extract" else []
        manifest = Manifest(
            stage=stage,
            fingerprint=base.fingerprint,
            settings=base.settings,
            keys=[name.removesuffix(".json").rpartition("-")[2] for name in self.names[stage]],
            receipts=self.names[stage],
            receipt_sha256=self.files[stage],
            digest=combine(self.digests[stage]),
            given_up=lost,
            released=True,
        )
        data = msgspec.json.format(msgspec.json.encode(sealed(manifest)), indent=1)
        (self.out / "ledger" / stage / "manifest.json").write_bytes(data)


def _with_failures(counts: Mapping[str, Any], failed: int) -> dict[str, Any]:
    """With this many failed responses instead of those of the base run, which would be listed nowhere."""
    by_kind = {kind: (failed + 1 - at) // len(FAILED) for at, kind in enumerate(FAILED)}
    more = failed - sum(counts.get("failed", {}).values())
    changed = {name: counts[name] + more for name in ("records", "responses") if name in counts}
    return {**counts, **changed, "failed": {kind: number for kind, number in by_kind.items() if number}}


def _placed(table: pa.Table, file: InputFile, offsets: Array) -> pa.Table:
    """With ids, places, and hosts of their own: the k-th of a million with a probability of about 1/k."""
    places = offsets.tolist()
    columns: dict[str, Any] = {"id": [f"{file.name}@{offset}" for offset in places]}
    draws = ((offsets.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)) * 2.0**-53
    if "url" in table.column_names:
        names = np.floor(1e6**draws).astype(int).tolist()
        columns["url"] = [
            url.replace("://", f"://w{name}.", 1) if url else url
            for name, url in zip(names, table["url"].to_pylist(), strict=True)
        ]
    if "warc_offset" in table.column_names:
        columns |= {"warc_file": [file.name] * len(places), "warc_offset": places}
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, pa.array(values, table.schema.field(name).type))
    return table


def _made(name: str) -> str:
    """A digest of nothing that there is."""
    return hashlib.sha256(f"synthetic {name}".encode()).hexdigest()


def _sampled(prefix: str, first: int, step: int, number: int, fewer: int) -> Array:
    """Which of the ids that end in `first`, `first + step`, ... the stored sample takes: as `is_sampled`, faster."""
    data = np.frombuffer(prefix.encode(), np.uint8)
    return np.flatnonzero(_chosen(data, first, step, number, np.uint64((1 << 64) // fewer)))


@njit(cache=True)
def _chosen(prefix, first, step, number, limit):  # type: ignore[no-untyped-def]
    state = np.uint64(14695981039346656037)
    for byte in prefix:
        state = (state ^ np.uint64(byte)) * np.uint64(1099511628211)
    out = np.zeros(number, np.bool_)
    digits = np.zeros(20, np.uint8)
    for at in range(number):
        left, count = first + at * step, 0
        while left > 0 or count == 0:
            digits[count] = 48 + left % 10
            left //= 10
            count += 1
        value = state
        for place in range(count - 1, -1, -1):
            value = (value ^ np.uint64(digits[place])) * np.uint64(1099511628211)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out[at] = (value ^ (value >> np.uint64(31))) < limit
    return out
