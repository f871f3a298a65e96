"""Compares near-duplicates with datatrove's four MinHash steps: time on one core, and the clusters.

Both read the same JSON lines (the texts of $SLUICE_DATA/web, by default) with FineWeb's settings: 5-grams of words,
64 bits of xxHash, 14 bands of 8 rows, every candidate pair counts. datatrove runs signatures, buckets, clusters and
filter, one worker in one process; Sluice runs `dedup` with `variant: datatrove` and no verification. Each is bound to
one core. `start` is what either takes for a file of one document. datatrove's last step also writes the documents that
it keeps, as plain JSON lines; Sluice's verb lists the others. Then every group of documents that the two cluster
differently is listed, with its most similar pair, by the words of either, and the reason.

    python benchmarks/compare_datatrove_minhash.py [--texts FOLDER] [--copies N] [--variant affine32]
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.near_duplicates import extract, read_duplicates, shingles  # noqa: E402

BANDS, ROWS = 14, 8
LETTERS = re.compile(r"[^\W\d_]+")


class Cost(NamedTuple):
    """Of one run."""

    wall: float  # seconds
    core: float  # core-seconds of the process and its children


def main() -> None:
    """Parse the command line, run both and print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--texts", type=Path, help="a folder `extracted` of an earlier run (default: web's, by blocks)"
    )
    parser.add_argument("--documents", type=int, help="use only the first N texts")
    parser.add_argument(
        "--copies", type=int, default=3, help="N times the texts, each time with other words (default 3)"
    )
    parser.add_argument("--variant", default="datatrove", help="of Sluice's MinHash (default datatrove)")
    parser.add_argument("--quiet", action="store_true", help="count differences, list none")
    parser.add_argument("--role", choices=["datatrove"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.role:
        run_datatrove(chosen.file, chosen.out)
        return
    with tempfile.TemporaryDirectory(prefix="compare-minhash-") as folder:
        work = Path(folder)
        web = sorted((Path(os.environ.get("SLUICE_DATA", ".")) / "web").glob("*.warc.gz"))
        texts = write_texts(chosen.texts or extract(web, "blocks", work), chosen, work / "texts.jsonl")
        one = work / "one.jsonl"
        one.write_text(
            (work / "texts.jsonl").read_text(encoding="utf-8").split("\n", 1)[0] + "\n", encoding="utf-8"
        )
        print(f"{len(texts)} documents, {sum(map(len, texts.values())) / 1e6:.1f} million characters")
        if chosen.variant == "datatrove" and hash_config().hash_fc != "xxhash":
            print("the package xxhash is missing: datatrove hashes with SHA-1, so signatures differ")
        compare_times(work, one, chosen.variant)
        compare_clusters(texts, work, chosen.quiet)


def write_texts(folder: Path, chosen: argparse.Namespace, out: Path) -> dict[str, str]:
    """Writes the documents with text as JSON lines; in each copy all words end differently, so copies are unlike."""
    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(path, columns=["id", "text"]).to_pylist():
            if row["text"] and row["text"].strip():
                texts[row["id"]] = row["text"]
    originals = list(texts.items())[: chosen.documents]
    texts = dict(originals)
    for copy in range(1, chosen.copies):
        ending = rf"\g<0>q{chr(ord('a') + copy // 26)}{chr(ord('a') + copy % 26)}"
        texts.update({f"{name}#{copy}": LETTERS.sub(ending, text) for name, text in originals})
    with out.open("w", encoding="utf-8") as stream:
        for name, text in texts.items():
            stream.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")
    return texts


def on_one_core(command: list[str]) -> Cost:
    """Runs a command bound to one core."""
    core = sorted(os.sched_getaffinity(0))[-1]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    wall = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def sluice(file: Path, out: Path, variant: str) -> Cost:
    """Sluice's `dedup` of one file."""
    settings = {
        "scope": "global",
        "exact": "false",
        "minhash.variant": variant,
        "minhash.verify": "null",
        "minhash.bands": BANDS,
        "minhash.rows": ROWS,
    }
    command = [sys.executable, "-m", "pipeline", "dedup", "fineweb", "--input", str(file), "--out", str(out)]
    command += [f"--set=dedup.{name}={value}" for name, value in settings.items()]
    return on_one_core([*command, "--engine", "local", "--workers", "1", "--quiet"])


def datatrove(file: Path, out: Path) -> Cost:
    """datatrove's four steps on one file."""
    command = [
        sys.executable,
        str(Path(__file__)),
        "--role",
        "datatrove",
        "--file",
        str(file),
        "--out",
        str(out),
    ]
    return on_one_core(command)


def hash_config() -> Any:
    """64 bits of xxHash, the default there and what `variant: datatrove` computes, or of SHA-1 without the package."""
    from datatrove.utils.hashing import HashConfig

    return HashConfig(hash_fc="xxhash" if importlib.util.find_spec("xxhash") else "sha1", precision=64)


def run_datatrove(file: Path, out: Path) -> None:
    """The four steps, one after the other, each with one worker; prints the seconds of each."""
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig(n_grams=5, num_buckets=BANDS, hashes_per_bucket=ROWS, hash_config=hash_config())
    signatures, buckets, clusters = (str(out / name) for name in ("signatures", "buckets", "clusters"))
    steps = {
        "signatures": [
            JsonlReader(str(file.parent), glob_pattern=file.name),
            MinhashDedupSignature(output_folder=signatures, config=config),
        ],
        "buckets": [MinhashDedupBuckets(signatures, buckets, config=config)],
        "clusters": [MinhashDedupCluster(buckets, clusters, config=config, save_cluster_id=True)],
        "filter": [
            JsonlReader(str(file.parent), glob_pattern=file.name),
            MinhashDedupFilter(
                clusters,
                exclusion_writer=JsonlWriter(str(out / "removed"), compression=None),
                load_cluster_ids=True,
            ),
            JsonlWriter(str(out / "kept"), compression=None),
        ],
    }
    seconds = {}
    for name, steps_of_one in steps.items():
        begin = time.perf_counter()
        tasks = BANDS if name == "buckets" else 1
        LocalPipelineExecutor(
            steps_of_one, tasks=tasks, workers=1, logging_dir=str(out / "logs" / name)
        ).run()
        seconds[name] = time.perf_counter() - begin
    (out / "seconds.json").write_text(json.dumps(seconds))


def compare_times(work: Path, one: Path, variant: str) -> None:
    """Prints wall and core-seconds of both, what either takes to start, and the ratios."""
    file = work / "texts.jsonl"
    sluice(one, work / "warm", variant)  # compiles the loops, which is done once in an installation
    costs = {
        "sluice": (sluice(file, work / "ours", variant), sluice(one, work / "ours-start", variant)),
        "datatrove": (datatrove(file, work / "theirs"), datatrove(one, work / "theirs-start")),
    }
    print(f"\n{'one worker, one core':24}{'wall s':>9}{'core s':>9}{'start: wall s':>15}{'core s':>9}")
    for name, (whole, start) in costs.items():
        print(f"{name:24}{whole.wall:9.1f}{whole.core:9.1f}{start.wall:15.1f}{start.core:9.1f}")
    (ours, our_start), (theirs, their_start) = costs.values()
    print(f"{'ratio':24}{theirs.wall / ours.wall:9.1f}{theirs.core / ours.core:9.1f}")
    wall = (theirs.wall - their_start.wall) / max(1e-9, ours.wall - our_start.wall)
    core = (theirs.core - their_start.core) / max(1e-9, ours.core - our_start.core)
    print(f"{'ratio without start':24}{wall:9.1f}{core:9.1f}")
    steps = json.loads((work / "theirs" / "seconds.json").read_text())
    print("datatrove's steps: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps.items()))


def partition(labels: dict[str, str]) -> dict[str, frozenset[str]]:
    """The cluster of every document that shares one with another."""
    members = collections.defaultdict(set)
    for name, label in labels.items():
        members[label].add(name)
    whole = [frozenset(group) for group in members.values() if len(group) > 1]
    return {name: group for group in whole for name in group}


def read_datatrove(out: Path) -> tuple[dict[str, frozenset[str]], int]:
    """Clusters, and the number of removed documents."""
    labels, removed = {}, 0
    for folder in ("kept", "removed"):
        for path in sorted((out / folder).rglob("*.jsonl")):
            for line in filter(None, path.read_text(encoding="utf-8").split("\n")):
                row = json.loads(line)
                removed += folder == "removed"
                cluster = row["metadata"].get("minhash_cluster_id", -1)
                if cluster >= 0:
                    labels[row["id"]] = str(cluster)
    return partition(labels), removed


def differing(ours: dict[str, frozenset[str]], theirs: dict[str, frozenset[str]]) -> Iterator[list[str]]:
    """Groups of documents, closed under both partitions, that the two cut differently."""
    seen: set[str] = set()
    for name in sorted({*ours, *theirs}):
        if name in seen:
            continue
        group, fresh = {name}, [name]
        while fresh:
            member = fresh.pop()
            near = {*ours.get(member, ()), *theirs.get(member, ())} - group
            group |= near
            fresh += sorted(near)
        seen |= group
        if any(ours.get(member) != theirs.get(member) for member in group):
            yield sorted(group)


def compare_clusters(texts: dict[str, str], work: Path, quiet: bool) -> None:
    """Prints whether the clusters are the same, and every difference."""
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig

    found = read_duplicates(work / "ours")
    ours = partition({name: label for name, label in found.cluster.items() if name in texts})
    theirs, removed = read_datatrove(work / "theirs")
    print(f"\n{'':12}{'clusters':>9}{'documents':>11}{'removed':>9}")
    for side, clusters, gone in (("sluice", ours, len(found.removed)), ("datatrove", theirs, removed)):
        print(f"{side:12}{len(set(clusters.values())):9}{len(clusters):11}{gone:9}")
    same = len(set(ours.values()) & set(theirs.values()))
    print(f"{'the same':12}{same:9}")
    signer = MinhashDedupSignature(str(work / "signer"), MinhashConfig(hash_config=hash_config()))
    lines: dict[str, list[str]] = {}
    for group in differing(ours, theirs):
        reason, line = explain(group, ours, theirs, texts, signer)
        lines.setdefault(reason, []).append(line)
    print("no document is clustered differently" if not lines else "documents clustered differently:")
    for reason, found_lines in sorted(lines.items()):
        print(f"{len(found_lines):6}  {reason}")
        for line in [] if quiet else found_lines:
            print(f"          {line}")


def explain(
    group: list[str],
    ours: dict[str, frozenset[str]],
    theirs: dict[str, frozenset[str]],
    texts: dict[str, str],
    signer: Any,
) -> tuple[str, str]:
    """Why a group is cut differently, and a line that shows its most similar pair that only one side joins."""
    import pyarrow as pa

    from pipeline.dedup.normal import normal_form

    normal = normal_form(pa.array([texts[name] for name in group])).to_pylist()
    here = {name: set(shingles(form).tolist()) for name, form in zip(group, normal, strict=True)}
    there = {name: set(signer.get_shingles(texts[name]).ravel().tolist()) for name in group}
    split = [
        pair
        for pair in itertools.combinations(group, 2)
        if (pair[1] in ours.get(pair[0], ())) != (pair[1] in theirs.get(pair[0], ()))
    ]
    pair = max(split, key=lambda two: (max(jaccard(here, two), jaccard(there, two)), two))
    mine, other = jaccard(here, pair), jaccard(there, pair)
    side = "sluice" if pair[1] in ours.get(pair[0], ()) else "datatrove"
    line = f"{len(group)} documents, {mine:.3f} by words here, {other:.3f} there: {pair[0]} {pair[1]}"
    if not all(there[name] for name in pair):
        return f"only {side} joins: datatrove skips texts under 5 words", line
    if abs(mine - other) > 0.01:
        return f"only {side} joins: other words, so another similarity", line
    chance = 1 - (1 - other**ROWS) ** BANDS
    return f"only {side} joins: luck of hashing", f"found with probability {chance:.2f}: {line}"


def jaccard(sets: dict[str, set[int]], pair: tuple[str, str]) -> float:
    """Of two of the sets; 0 where one is empty."""
    one, other = sets[pair[0]], sets[pair[1]]
    return len(one & other) / len(one | other) if one and other else 0.0


if __name__ == "__main__":
    main()
