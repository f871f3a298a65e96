"""Near-duplicates of $SLUICE_DATA/web as the pipeline finds them, against brute force over the same texts.

Brute force takes the texts' normal forms, hashes every 5-gram of words (BLAKE2b, 64 bits: another hash than the
pipeline's) and counts the common ones of all pairs of documents, so its Jaccard similarities are exact. Recall is the
share of pairs at or above a similarity whose documents are in one cluster, precision what is reported as removed for
a survivor that is less similar than the floor. Then `near_dups.tsv.gz`, pairs of the same pages by another
extractor's text, as a second opinion: every disagreement is listed with its reason.

    python benchmarks/near_duplicates.py [--input WARC...] [--extractor NAME] [--texts FOLDER] [--set a.b=c]
"""

from __future__ import annotations

import argparse
import collections
import csv
import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

NGRAM = 5
LEAST = 0.3  # pairs that are kept: near_dups.tsv.gz lists none under it
SHORT = 20  # n-grams of the shortest page in near_dups.tsv.gz
LEVELS = (0.75, 0.8, 0.85, 0.9, 0.95)


class Truth(NamedTuple):
    """Exact similarities of `n` texts; `pairs` has those at or above `LEAST`, by ids (smaller first)."""

    ids: list[str]
    sizes: np.ndarray  # (n,) distinct n-grams
    common: np.ndarray  # (n, n) uint32, above the diagonal
    pairs: dict[tuple[str, str], float]
    index: dict[str, int]

    def jaccard(self, one: str, other: str) -> float:
        """Of two texts that have words; 0 if one has none."""
        if one not in self.index or other not in self.index:
            return 0.0
        first, second = sorted((self.index[one], self.index[other]))
        common = int(self.common[first, second])
        return common / (int(self.sizes[first]) + int(self.sizes[second]) - common)


class Found(NamedTuple):
    """What the pipeline wrote under `duplicates/` and `clusters/`."""

    removed: list[dict[str, Any]]
    cluster: dict[str, str]  # of every document that shares one with another


def main() -> None:
    """Parse the command line, run the pipeline and print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, nargs="+", help="WARC files; default those of $SLUICE_DATA/web")
    parser.add_argument("--extractor", default="blocks", help="what reads the pages (default blocks)")
    parser.add_argument(
        "--texts", type=Path, help="a folder `extracted` of an earlier run, in place of --input"
    )
    parser.add_argument(
        "--set", action="append", default=[], help="a setting of the recipe, as for `sluice dedup`"
    )
    parser.add_argument(
        "--floor", type=float, default=0.6, help="least similarity of a removed document (.6)"
    )
    parser.add_argument(
        "--opinion", type=float, default=0.85, help="pairs of near_dups.tsv.gz that count (.85)"
    )
    parser.add_argument("--quiet", action="store_true", help="count disagreements, list none")
    chosen = parser.parse_args()
    web = Path(os.environ.get("SLUICE_DATA", ".")) / "web"
    with tempfile.TemporaryDirectory(prefix="near-duplicates-") as folder:
        work = Path(folder)
        texts = chosen.texts or extract(chosen.input or sorted(web.glob("*.warc.gz")), chosen.extractor, work)
        files = sorted(texts.glob("*.parquet"))
        truth = brute_force(files)
        settings = ["dedup.scope=global", *chosen.set]
        sluice(
            "dedup",
            "fineweb",
            "--input",
            *files,
            "--out",
            work / "run",
            *(f"--set={one}" for one in settings),
        )
        found = read_duplicates(work / "run")
    print_recall(truth, found)
    print_precision(truth, found, chosen.floor)
    if (web / "near_dups.tsv.gz").exists():
        compare_opinions(truth, found, web, chosen.opinion, chosen.quiet)


def sluice(*arguments: object) -> None:
    """Runs a verb of the command line, without its progress."""
    command = [sys.executable, "-m", "pipeline", *map(str, arguments), "--engine", "local", "--quiet"]
    subprocess.run(command, check=True, cwd=ROOT)


def extract(warcs: list[Path], extractor: str, work: Path) -> Path:
    """The folder of texts of WARC files, every page read by one extractor."""
    if not warcs:
        raise SystemExit("no WARC files: set SLUICE_DATA, or give --input or --texts")
    files = [path.resolve() for path in warcs]
    more = ("--extractor", extractor, "--set", "extract.cascade=null")
    sluice("extract", "fineweb", "--input", *files, "--out", work / "texts", *more)
    return work / "texts" / "extracted"


def shingles(text: str) -> np.ndarray:
    """Sorted distinct 64-bit hashes of the n-grams of a normal form; a shorter text is one n-gram."""
    words = text.split(" ") if text else []
    width = min(NGRAM, len(words))
    grams = (
        {" ".join(words[start : start + width]) for start in range(len(words) - width + 1)}
        if words
        else set()
    )
    hashed = (hashlib.blake2b(gram.encode(), digest_size=8).digest() for gram in grams)
    return np.unique(np.frombuffer(b"".join(hashed), dtype="<u8"))


def brute_force(files: list[Path]) -> Truth:
    """Similarities of all pairs; documents without words have none."""
    from pipeline.dedup.normal import normal_form

    table = pa.concat_tables([pq.read_table(path, columns=["id", "text"]) for path in files])
    ids: list[str] = []
    sets: list[np.ndarray] = []
    empty = 0
    for batch in table.to_batches(256):
        for identity, text in zip(
            batch["id"].to_pylist(), normal_form(batch["text"]).to_pylist(), strict=True
        ):
            found = shingles(text)
            if len(found):
                ids.append(identity)
                sets.append(found)
            else:
                empty += 1
    sizes = np.array([len(found) for found in sets], dtype=np.int64)
    common = count_common(np.concatenate(sets), np.repeat(np.arange(len(sets)), sizes), len(sets))
    pairs: dict[tuple[str, str], float] = {}
    for row in range(len(ids)):
        both = common[row].astype(np.int64)
        jaccard = both / (sizes[row] + sizes - both)
        for other in np.flatnonzero(jaccard >= LEAST):
            pairs[min(ids[row], ids[other]), max(ids[row], ids[other])] = float(jaccard[other])
    print(
        f"{len(ids)} documents with words ({empty} without), {int(sizes.sum())} distinct {NGRAM}-grams of documents"
    )
    return Truth(ids, sizes, common, pairs, {identity: row for row, identity in enumerate(ids)})


def count_common(hashes: np.ndarray, owners: np.ndarray, documents: int) -> np.ndarray:
    """Common hashes of every pair of documents (above the diagonal), from an inverted index."""
    import numba

    @numba.njit
    def count(starts: np.ndarray, owners: np.ndarray, out: np.ndarray) -> None:
        for index in range(starts.shape[0] - 1):
            for later in range(starts[index] + 1, starts[index + 1]):
                for earlier in range(starts[index], later):
                    out[owners[earlier], owners[later]] += 1

    order = np.argsort(hashes, kind="stable")  # owners stay ascending within a hash
    ordered = hashes[order]
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(ordered)]])
    out = np.zeros((documents, documents), dtype=np.uint32)
    count(starts.astype(np.int64), owners[order].astype(np.int64), out)
    return out


def read_duplicates(run: Path) -> Found:
    """Removed documents and the clusters that they make with their survivors."""
    removed, kept = (
        [row for path in sorted((run / name).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]
        for name in ("duplicates", "clusters")
    )
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for row in removed:
        parent[root(row["id"])] = root(row["duplicate_of"])
    for row in kept:  # survivors of one cluster that are not similar enough to stand for each other
        parent[root(row["id"])] = root(f"cluster of {row['cluster']}")
    return Found(removed, {name: root(name) for name in sorted(parent)})


def together(found: Found, one: str, other: str) -> bool:
    """Whether two documents are in one cluster."""
    return one in found.cluster and found.cluster[one] == found.cluster.get(other)


def print_recall(truth: Truth, found: Found) -> None:
    """Recall at or above each level, of all pairs and of those that are not equal, and what hashing should give."""
    kinds = collections.Counter(row["kind"] for row in found.removed)
    print("removed: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    print(
        f"\n{'Jaccard':>9}{'pairs':>8}{'found':>8}{'recall':>9}{'not equal':>11}{'found':>8}{'recall':>9}{'14x8':>8}"
    )
    for level in LEVELS:
        pairs = [(pair, jaccard) for pair, jaccard in truth.pairs.items() if jaccard >= level]
        near = [(pair, jaccard) for pair, jaccard in pairs if jaccard < 1]
        cells = []
        for width, part in ((8, pairs), (11, near)):
            hits = sum(together(found, *pair) for pair, _ in part)
            cells.append((width, (len(part), hits, hits / len(part) if part else 1.0)))
        expected = float(np.mean([1 - (1 - jaccard**8) ** 14 for _, jaccard in near])) if near else 1.0
        numbers = "".join(f"{count:{width}}{hits:8}{share:9.2%}" for width, (count, hits, share) in cells)
        print(f">= {level:6.2f}{numbers}{expected:8.2%}")
    print("pairs at or above 0.85 that are in different clusters:")
    lost = [
        (jaccard, *pair)
        for pair, jaccard in truth.pairs.items()
        if jaccard >= 0.85 and not together(found, *pair)
    ]
    for jaccard, one, other in sorted(lost):
        print(f"  {jaccard:.3f}  {one}  {other}")
    print("  none" if not lost else "")


def print_precision(truth: Truth, found: Found, floor: float) -> None:
    """Removed documents that are less similar to their survivor than the floor, and how well similarity is told."""
    print(
        f"\n{'removed by':>12}{'with words':>12}{f'under {floor}':>11}{'least':>8}{'told is off by at most':>24}"
    )
    for kind in ("exact", "minhash"):  # a copy of a near-duplicate stands beside that one's survivor
        rows = [row for row in found.removed if row["kind"] == kind and row["id"] in truth.index]
        pairs = [(truth.jaccard(row["id"], row["duplicate_of"]), row) for row in rows]
        wrong = sorted(((jaccard, row) for jaccard, row in pairs if jaccard < floor), key=lambda one: one[0])
        off = max((abs(row["similarity"] - jaccard) for jaccard, row in pairs), default=0.0)
        least = min((jaccard for jaccard, _ in pairs), default=1.0)
        print(f"{kind:>12}{len(rows):12}{len(wrong):11}{least:8.3f}{off:24.6f}")
        for jaccard, row in wrong:
            print(f"  {jaccard:.3f}  told {row['similarity']:.3f}  {row['id']}  {row['duplicate_of']}")


def second_opinion(web: Path) -> tuple[dict[tuple[str, str], dict[str, str]], dict[str, str]]:
    """Rows of near_dups.tsv.gz by our ids (smaller first), and the URL of every id."""
    with gzip.open(web / "manifest.tsv.gz", "rt", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    ids = {row["sha1"]: f"{row['warc']}@{row['offset']}" for row in rows}
    with gzip.open(web / "near_dups.tsv.gz", "rt", encoding="utf-8", newline="") as stream:
        pairs = list(csv.DictReader(stream, delimiter="\t"))
    known = {}
    for row in pairs:
        names = [ids.get(row[key], f"not in the manifest: {row[key]}") for key in ("sha1_a", "sha1_b")]
        known[min(names), max(names)] = row
    return known, {ids[row["sha1"]]: row["url"] for row in rows}


def compare_opinions(truth: Truth, found: Found, web: Path, level: float, quiet: bool) -> None:
    """Pairs that the one side calls near-duplicates and the other does not."""
    theirs, urls = second_opinion(web)
    strong = {pair: row for pair, row in theirs.items() if float(row["jaccard5"]) >= level}
    agreed = [pair for pair in strong if together(found, *pair)]
    same_url = sum(row["same_url"] == "1" for row in strong.values())
    print(f"\nsecond opinion: {len(strong)} pairs at or above {level} ({same_url} of the same URL)")
    print(f"{len(agreed):6}  in one cluster here too")
    reasons: dict[str, list[str]] = {}
    for pair, row in sorted(strong.items()):
        if pair not in agreed:
            reason = lost_here(truth, pair, level)
            reasons.setdefault(f"there, not here: {reason}", []).append(line(truth, pair, row, urls))
    for pair, ours in sorted(truth.pairs.items()):
        if together(found, *pair) and pair not in strong:
            row = theirs.get(pair)
            reason = lost_there(truth, pair, ours, level, row is not None)
            reasons.setdefault(f"here, not there: {reason}", []).append(line(truth, pair, row, urls))
    for reason, lines in sorted(reasons.items()):
        print(f"{len(lines):6}  {reason}")
        for text in [] if quiet else lines:
            print(f"          {text}")


def lost_here(truth: Truth, pair: tuple[str, str], level: float) -> str:
    """Why a pair of the second opinion is in no cluster here."""
    if any(name.startswith("not in") for name in pair):
        return "a page is not in the manifest"
    if any(name not in truth.index for name in pair):
        return "a page has no text here"
    ours = truth.jaccard(*pair)
    if ours < LEAST:
        return f"other text here, less similar than {LEAST}"
    return f"by the text here it is {LEAST} to {level}" if ours < level else "missed"


def lost_there(truth: Truth, pair: tuple[str, str], ours: float, level: float, listed: bool) -> str:
    """Why a pair in one cluster here is no pair of the second opinion."""
    if not listed and min(truth.sizes[truth.index[name]] for name in pair) < SHORT:
        return f"a text has fewer than {SHORT} n-grams here, and the list has no such page"
    reason = (
        f"by the text there it is {LEAST} to {level}" if listed else f"not listed (other text, under {LEAST})"
    )
    return reason if ours >= level else f"{reason}, and here it is under {level}"


def line(truth: Truth, pair: tuple[str, str], row: dict[str, str] | None, urls: dict[str, str]) -> str:
    """One disagreement: similarity and n-grams of the texts here and there, and the pages."""
    sizes = [int(truth.sizes[truth.index[name]]) if name in truth.index else 0 for name in pair]
    here = f"here {truth.jaccard(*pair):.3f} of {sizes[0]} and {sizes[1]}"
    there = f"{float(row['jaccard5']):.3f} of {row['shingles_a']} and {row['shingles_b']}" if row else "none"
    url = "same url" if urls.get(pair[0], "a") == urls.get(pair[1], "b") else "other url"
    return f"{here}, there {there}, {url}: {pair[0]} {pair[1]}"


if __name__ == "__main__":
    main()
