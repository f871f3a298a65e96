"""What `retune` costs, beside the run that it starts from, and whether it gives what a fresh run gives.

    python benchmarks/retune.py [--documents 50000] [--set filters.x.y=z]... [--fresh] [--workers 2] [--work DIR]

Pages are those of $SLUICE_DATA/web, repeated until there are as many as asked for. Every repetition is a page of its
own: its address has a further word, and in each paragraph half of the words stand in another order, so that its markup,
language and word counts are the page's, and no two repetitions are near-duplicates. The first repetition is the page.

The recipe is run up to `documents/`, retuned there, run on to `corpus/`, and retuned again; the table has the core
seconds of all four, of the shards (what the ledger says) and of the whole command with its start (what the system
says). With `--fresh`, a run with the new threshold from the start is compared with the retuned one: the digests of all
receipts, and all files byte for byte. Compiled code is cached before anything is measured.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # before this folder, whose filters.py hides the package

CHANGE = (
    "filters.gopher_quality.min_alphabetic_words=0.6"  # the recipe's is .8: documents are kept that were not
)
PAGES_A_FILE = 5000  # some 90 MB: a shard
_OPAQUE = re.compile(rb"(<(script|style|textarea|pre)\b.*?</\2\s*>)", re.DOTALL | re.IGNORECASE)
_TEXT = re.compile(rb"(?<=>)[^<>]{40,}(?=<)")


def main() -> None:
    """Parse the command line, make the pages, run, retune, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=50_000, help="pages (default 50,000)")
    parser.add_argument("--recipe", default="fineweb")
    parser.add_argument("--set", action="append", dest="settings", help=f"what changes (default {CHANGE})")
    parser.add_argument("--fresh", action="store_true", help="compare with a fresh run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--data", type=Path, help="folder with WARC files (default $SLUICE_DATA/web)")
    parser.add_argument(
        "--work", type=Path, help="folder to work in, which is kept (default: a temporary one)"
    )
    arguments = parser.parse_args()
    data = arguments.data or Path(os.environ.get("SLUICE_DATA", ROOT.parent / "shared" / "data")) / "web"
    if arguments.work is not None:
        arguments.work.mkdir(parents=True, exist_ok=True)
        measure(arguments, data, arguments.work)
        return
    with tempfile.TemporaryDirectory(prefix="retune.") as work:
        measure(arguments, data, Path(work))


def measure(arguments: argparse.Namespace, data: Path, work: Path) -> None:
    """Make the runs in a folder, and print the table."""
    settings = arguments.settings or [CHANGE]
    files = repeated_pages(sorted(data.glob("*.warc.gz")), arguments.documents, work / "warc")
    warm = repeated_pages(sorted(data.glob("*.warc.gz"))[:1], 200, work / "warm-warc")
    run, common = work / "run", ("--workers", str(arguments.workers), "--quiet")
    for number, change in enumerate(((), settings)):
        sluice(
            "run",
            arguments.recipe,
            "--out",
            work / f"warm-{number}",
            *_inputs(warm),
            *_sets(change),
            *common,
            "--until",
            "corpus",
        )
    sluice("retune", work / "warm-0", "--out", work / "warm-2", *_sets(settings), *common)

    spent = {}
    for until in ("filter", "corpus"):
        spent["run", until] = sluice(
            "run", arguments.recipe, "--out", run, *_inputs(files), *common, "--until", until
        )
        new = work / f"retuned-{until}"
        spent["retune", until] = sluice("retune", run, "--out", new, *_sets(settings), *common)
    spent["run", "corpus"] += spent["run", "filter"]  # which it went on from
    print(f"{arguments.documents:,} documents, recipe {arguments.recipe}, {', '.join(settings)}")
    print(decisions(run, work / "retuned-corpus"))
    print(f"{'core seconds':<28}{'run':>10}{'retune':>10}{'share':>9}")
    for until, place in (("filter", "documents/"), ("corpus", "corpus/")):
        new = work / f"retuned-{until}"
        by_ledger = sum(seconds(run, until).values()), sum(seconds(new, until).values())
        _line(f"to {place}, shards", *by_ledger)
        _line(f"to {place}, whole command", spent["run", until], spent["retune", until])
    print()
    before, after = seconds(run, "corpus"), seconds(work / "retuned-corpus", "corpus")
    for stage, amount in before.items():
        _line(f"  {stage}", amount, after[stage])
    if arguments.fresh:
        fresh = work / "fresh"
        sluice(
            "run",
            arguments.recipe,
            "--out",
            fresh,
            *_inputs(files),
            *_sets(settings),
            *common,
            "--until",
            "corpus",
        )
        print(same(work / "retuned-corpus", fresh))


def _line(name: str, before: float, after: float) -> None:
    print(f"{name:<28}{before:>10.2f}{after:>10.2f}{after / max(before, 1e-9):>9.2%}")


def _sets(settings: Sequence[str]) -> list[str]:
    return [word for pair in settings for word in ("--set", pair)]


def _inputs(files: Sequence[Path]) -> list[str]:
    return ["--input", *map(str, files)]


def sluice(*words: str | Path) -> float:
    """Run a command to its end; returns the core seconds that it and all its processes took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, words)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def seconds(run: Path, until: str) -> dict[str, float]:
    """Core seconds of a run's shards, by stage, up to one of them."""
    from pipeline.ledger import Ledger
    from pipeline.recipe import load
    from pipeline.road import active_stages
    from pipeline.store import open_folder

    ledger = Ledger(open_folder(run))
    closed = {stage: ledger.closed(stage) for stage in active_stages(load(str(run / "recipe.yaml")), until)}
    return {
        stage: sum(receipt.cost.core_seconds for receipt in receipts)
        for stage, receipts in closed.items()
        if receipts
    }


def decisions(before: Path, after: Path) -> str:
    """How many documents are kept by one run and not by the other."""
    from pipeline.store import open_folder
    from pipeline.store.parquet import read_table

    ids = []
    for run in (before, after):
        folder = open_folder(run)
        tables = [read_table(folder, f"documents/{name}", ["id"]) for name in folder.names("documents")]
        ids.append({id_ for table in tables for id_ in table["id"].to_pylist()})
    done = json.loads(
        subprocess.run(
            [sys.executable, "-m", "pipeline", "stats", str(before), "--json"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
    )
    pages = sum(done["dropped"].values()) + len(ids[0])
    changed = len(ids[0] ^ ids[1])
    return (
        f"kept {len(ids[0]):,} of {pages:,} before and {len(ids[1]):,} after; {changed:,} decisions changed, "
        f"{changed / max(pages, 1):.1%} of all, {changed / max(len(ids[0]), 1):.1%} of those kept"
    )


def same(run: Path, fresh: Path) -> str:
    """Compares two runs: receipts by digest, all other files byte for byte. Exits with 1 where they differ."""
    from pipeline.ledger import Ledger
    from pipeline.stages import STAGES
    from pipeline.store import open_folder

    ledgers = [Ledger(open_folder(one)) for one in (run, fresh)]
    receipts = 0
    for stage in STAGES:
        one, other = ([receipt.digest() for receipt in ledger.closed(stage)] for ledger in ledgers)
        if one != other:
            sys.exit(f"stage {stage} differs from that of a fresh run")
        receipts += len(one)
    found, expected = (set(_published(one)) for one in (run, fresh))
    if found != expected:
        sys.exit(f"a file of one run alone: {min(found ^ expected)}")
    if different := [name for name in expected if not filecmp.cmp(run / name, fresh / name, shallow=False)]:
        sys.exit(f"{min(different)} differs from that of a fresh run")
    return f"the same as a fresh run: {receipts} receipts, {len(expected)} files byte for byte"


def _published(run: Path) -> Iterator[str]:
    for path in run.rglob("*"):
        name = path.relative_to(run)
        if path.is_file() and name.parts[0] not in ("ledger", "_tmp", "inputs.json"):
            yield str(name)


# --- Pages ----------------------------------------------------------------------------------------------------------


def repeated_pages(sources: Sequence[Path], pages: int, folder: Path) -> list[Path]:
    """WARC files with so many pages, repeated from those of the sources; those that are there are kept."""
    from warcio.warcwriter import WARCWriter

    folder.mkdir(exist_ok=True)
    counts = [min(PAGES_A_FILE, pages - start) for start in range(0, pages, PAGES_A_FILE)]
    paths = [folder / f"REPEATED-{number:05d}.warc.gz" for number in range(len(counts))]
    if all(path.exists() for path in paths):
        return paths
    made = _pages(sources)
    for path, count in zip(paths, counts, strict=True):
        with open(path.with_suffix(".part"), "wb") as file:
            writer = WARCWriter(file, gzip=True)
            for _ in range(count):
                _write(writer, *next(made))
        path.with_suffix(".part").rename(path)
    return paths


def _pages(sources: Sequence[Path]) -> Iterator[tuple[str, str, bytes]]:
    """Address, date and HTTP response of page after page, without end."""
    from pipeline.record import Record
    from pipeline.warc import read_records

    repetition = 0
    while True:
        for source in sources:
            with open(source, "rb") as file:
                for event in read_records(file, 0, source.stat().st_size):
                    if not isinstance(event, Record) or event.type != "response" or event.url is None:
                        continue
                    draw = random.Random(f"{repetition} {event.url}")
                    word = f"{'&' if '?' in event.url else '?'}copy={repetition}"
                    url, body = (
                        (event.url + word, reordered(event.body, draw))
                        if repetition
                        else (event.url, event.body)
                    )
                    yield url, event.date or "", body
        repetition += 1


def _write(writer: object, url: str, date: str, body: bytes) -> None:
    from io import BytesIO

    record = writer.create_warc_record(  # type: ignore[attr-defined]
        url,
        "response",
        payload=BytesIO(body),
        length=len(body),
        warc_content_type="application/http; msgtype=response",
        warc_headers_dict={"WARC-Date": date} if date else None,
    )
    writer.write_record(record)  # type: ignore[attr-defined]


def reordered(response: bytes, draw: random.Random) -> bytes:
    """An HTTP response whose page has half of the words of each paragraph in another order; as long as before."""
    head, mark, page = response.partition(b"\r\n\r\n")
    parts = _OPAQUE.split(page)
    for number in range(0, len(parts), 3):  # text; then what is left alone, and its tag's name
        parts[number] = _TEXT.sub(lambda found: _shuffled(found[0], draw), parts[number])
    return head + mark + b"".join(part for number, part in enumerate(parts) if number % 3 != 2)


def _shuffled(text: bytes, draw: random.Random) -> bytes:
    words = text.split(b" ")
    places = draw.sample(range(len(words)), len(words) // 2)
    mixed = draw.sample(places, len(places))
    moved = [words[place] for place in mixed]
    for place, word in zip(places, moved, strict=True):
        words[place] = word
    return b" ".join(words)


if __name__ == "__main__":
    main()
