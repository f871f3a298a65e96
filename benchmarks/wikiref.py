"""Trains "would this page be referenced by Wikipedia" end to end on the real pages, twice, and prints what it is worth.

    python benchmarks/wikiref.py [--data DATA] [--runs FOLDER] [--preset small] [--dim 16] [--english]

Pages of `web/` are extracted once into the folder (default: a new temporary one) and joined with the hosts of
`wikipedia_links/cited_hosts.tsv.gz`. Prints the level, positives, negatives, leave-domain-out AUC [95 % interval]
beside that of the baseline that sees only length and address, the calibration error, the time, and whether the second
training gave the same bytes. Pages whose address the test data made up are left out: no list could cite them.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def sluice(*words: str | Path) -> str:
    """What a command prints; the benchmark ends where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode not in (0, 3):
        sys.exit(done.returncode)
    return done.stdout


_REAL = ("given", "canonical", "og:url", "saved-from")  # how an address is known, where it was not made up


def chosen(data: Path, run: Path, out: Path, english: bool) -> Path:
    """The extracted pages whose address is real by the manifest, of all languages or of English, as one file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with gzip.open(data / "web" / "manifest.tsv.gz", "rt", encoding="utf-8") as lines:
        wanted = {
            f"{row['warc']}@{row['offset']}"
            for row in csv.DictReader(lines, delimiter="\t")
            if row["url_source"] in _REAL and (row["lang"] == "en" or not english)
        }
    columns = ["id", "url", "text"]
    table = pa.concat_tables(
        [pq.read_table(path, columns=columns) for path in sorted(run.glob("extracted/*.parquet"))]
    )
    path = out / ("english.parquet" if english else "pages.parquet")
    pq.write_table(table.filter(pa.array([value in wanted for value in table["id"].to_pylist()])), path)
    return path


def main() -> None:
    """Extract, train twice, print."""
    from pipeline.cli.filters import lines

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument("--runs", type=Path, help="where pages are extracted to and models written")
    parser.add_argument("--preset", default="small", help="wikiref: fastText's defaults, for large crawls")
    parser.add_argument(
        "--dim", type=int, default=16, help="of the vectors: 100 costs six times as much, for no more"
    )
    parser.add_argument("--english", action="store_true", help="pages in English alone")
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of real pages with --data or SLUICE_DATA")
    data = Path(options.data)
    folder = options.runs or Path(tempfile.mkdtemp(prefix="sluice.wikiref."))
    web = folder / "web"
    if not (web / "extracted").is_dir():
        shards = sorted((data / "web").glob("*.warc.gz"))
        sluice("extract", "--input", *shards, "--out", web, "--extractor", "resiliparse", "--quiet")
    pages = chosen(data, web, folder, options.english)
    links = data / "wikipedia_links" / "cited_hosts.tsv.gz"
    cards: list[dict[str, Any]] = []
    for name in ("first", "second"):
        began = time.monotonic()
        words = ("--wikipedia", links, "--pages", pages, "--preset", options.preset, "--out", folder / name)
        words += ("--set", f"dim={options.dim}")
        cards.append(json.loads(sluice("filters", "train", *words, "--json")))
        print(f"{name} training: {time.monotonic() - began:.0f} s", flush=True)
    print("\n".join(lines(cards[0])))
    same = all(
        (folder / "first" / file).read_bytes() == (folder / "second" / file).read_bytes()
        for file in ("model.bin", "card.json", "report.html")
    )
    print(f"same bytes: {'yes' if same else 'NO'}; report: {folder / 'first' / 'report.html'}")


if __name__ == "__main__":
    main()
