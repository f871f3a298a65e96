"""Plants benchmark items in clean documents and tells what the filter `contamination` finds of them, and its cost.

    python benchmarks/contamination.py [--data DATA] [--items N] [--tries N]

Clean documents are the web texts of the test data; an item is put between the paragraphs of one. Plantings: `verbatim`
(question and right answer), `question` alone, `reformatted` (other case, marks left out or curly, other line breaks,
Markdown, choices as a list), `typos` (one to three characters of every tenth word changed), `swaps` (every tenth word
changes places with the next) and `dropped` (every twelfth word left out). Draws come from the item's digest. Recall is
the share of plantings of which the right item is found, by kind. False positives are the clean documents with a match
that counts. Then processor time of FineWeb's filters without and with `contamination`, in turn, the best of several
tries on one core; and of the whole stage `filter` of two runs over `--copies` of the documents, reading and writing
included, with the index made once in each.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BATCH = 512
SHORT, LONG = 400, 20_000  # characters of a clean document
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def main() -> None:
    """Print recall, false positives and time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument("--items", type=int, default=300, help="planted of each benchmark")
    parser.add_argument("--tries", type=int, default=5, help="0: measure no time")
    parser.add_argument(
        "--copies", type=int, default=4, help="of all documents, for the stage; 0: leave it out"
    )
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of test data with --data or SLUICE_DATA")
    from pipeline.contamination.load import benchmarks

    began = time.process_time()
    lists = {"lists.benchmarks": benchmarks(options.data / "benchmarks")}
    read = time.process_time() - began
    items = lists["lists.benchmarks"].items
    clean = clean_texts(options.data)
    measured(["index"], lists)  # compiled code and tables
    began = time.process_time()
    fresh = {"lists.benchmarks": type(lists["lists.benchmarks"])(items)}
    measured(["index"], fresh)
    print(f"{len(items)} items: {read:.2f} s to read, {time.process_time() - began:.2f} s to index")
    false_positives(clean, lists)
    recall(clean, lists, chosen(items, options.items))
    if options.tries:
        cost(clean, lists, options.tries)
    if options.tries and options.copies:
        alone = applied(clean, lists, options.tries)
        stage(clean * options.copies, options.data / "benchmarks", options.tries, alone)


def clean_texts(data: Path) -> list[str]:
    """Web texts of moderate length, in the order of the file."""
    with gzip.open(data / "text" / "web_topics.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return [text for text in texts if SHORT <= len(text) <= LONG]


def chosen(items: Any, each: int) -> list[Any]:
    """Up to so many items of each benchmark, spread evenly."""
    found = []
    for name in dict.fromkeys(item.benchmark for item in items):
        own = [item for item in items if item.benchmark == name]
        found += own[:: max(1, len(own) // each)][:each]
    return found


def measured(texts: list[str], lists: Any) -> list[list[Any]]:
    """The matches that count, by text."""
    from filters.batch import Batch
    from filters.contamination.matches import read
    from filters.contamination.spec import MATCHES, SPEC, Settings, counts

    settings = Settings(kinds=("ngram", "tokens", "near"))
    found = []
    for at in range(0, len(texts), BATCH):
        columns = SPEC.measure(Batch(texts[at : at + BATCH]), settings, lists)
        found += [[one for one in read(row) if counts(one, settings)] for row in columns[MATCHES]]
    return found


def false_positives(clean: list[str], lists: Any) -> None:
    """Print the clean documents that are taken for contaminated."""
    found = measured(clean, lists)
    by_kind = Counter(kind for row in found for kind in {one.kind for one in row})
    characters = sum(map(len, clean))
    told = ", ".join(f"{kind} {by_kind[kind]}" for kind in ("ngram", "tokens", "near"))
    print(f"clean: {len(clean)} documents, {characters / 1e6:.1f} M characters; with a match: {told}")


def draw_of(item: Any, purpose: str) -> random.Random:
    """Draws for an item, the same in every run."""
    named = f"{item.benchmark}\0{item.id}\0{purpose}"
    return random.Random(int.from_bytes(hashlib.sha256(named.encode()).digest()[:8]))


def whole(item: Any) -> str:
    """Question and right answer."""
    return "\n".join([item.question, *item.answers[:1]])


def reformatted(item: Any, draw: random.Random) -> str:
    """The item as another page might set it."""
    question = item.question
    style = draw.randrange(3)
    question = question.upper() if style == 0 else question.replace("'", "’").replace("-", "–")
    if style == 1:
        question = "**" + re.sub(r"[.,;:]", "", question) + "**"
    if style == 2:
        words = question.split()
        question = "\n".join("> " + " ".join(words[at : at + 7]) for at in range(0, len(words), 7))
    listed = item.choices or item.answers[:1]
    bullets = [f"- {LETTERS[number].upper()}. {one}" for number, one in enumerate(listed)]
    return "\n".join([question, *(bullets if item.choices else listed)])


def every(text: str, step: int, change: Callable[[list[str], int], None]) -> str:
    """The text, its words changed from the fifth on, at every `step`th."""
    words = text.split()
    for at in range(4, len(words) - 1, step):
        change(words, at)
    return " ".join(words)


def typos(item: Any, draw: random.Random) -> str:
    """One to three characters of every tenth word replaced, left out or put in."""

    def change(words: list[str], at: int) -> None:
        word = list(words[at])
        for _ in range(min(draw.randint(1, 3), max(len(word) // 3, 1))):
            place, kind = draw.randrange(len(word)), draw.randrange(3)
            if kind == 0 and len(word) > 1:
                del word[place]
            else:
                word[place : place + (kind == 1)] = draw.choice(LETTERS)
        words[at] = "".join(word)

    return every(whole(item), 10, change)


def swaps(item: Any, draw: random.Random) -> str:
    """Every tenth word and the next change places."""

    def change(words: list[str], at: int) -> None:
        words[at], words[at + 1] = words[at + 1], words[at]

    return every(whole(item), 10, change)


def dropped(item: Any, draw: random.Random) -> str:
    """Every twelfth word left out."""
    return " ".join(word for at, word in enumerate(whole(item).split()) if at % 12 != 6)


PLANTINGS: dict[str, Callable[[Any, random.Random], str]] = {
    "verbatim": lambda item, draw: whole(item),
    "question": lambda item, draw: item.question,
    "reformatted": reformatted,
    "typos": typos,
    "swaps": swaps,
    "dropped": dropped,
}


def planted(clean: list[str], items: list[Any], name: str) -> Iterator[str]:
    """A clean document for each item, with the item between two of its paragraphs."""
    for item in items:
        draw = draw_of(item, name)
        paragraphs = clean[draw.randrange(len(clean))].split("\n")
        at = draw.randrange(len(paragraphs) + 1)
        yield "\n".join([*paragraphs[:at], PLANTINGS[name](item, draw), *paragraphs[at:]])


def recall(clean: list[str], lists: Any, items: list[Any]) -> None:
    """Print the share of plantings that are found, by planting, benchmark and kind."""
    print(f"\n{'recall: planting, benchmark':40}{'planted':>9}{'ngram':>8}{'tokens':>8}{'near':>8}{'any':>8}")
    names = list(dict.fromkeys(item.benchmark for item in items))
    for planting in PLANTINGS:
        found = measured(list(planted(clean, items, planting)), lists)
        for name in [*names, "all"]:
            rows = [
                (item, row) for item, row in zip(items, found, strict=True) if name in (item.benchmark, "all")
            ]
            kinds: Counter[str] = Counter()
            for item, row in rows:
                own = {one.kind for one in row if (one.benchmark, one.item) == (item.benchmark, item.id)}
                kinds.update(own)
                kinds["any"] += bool(own)
            shares = "".join(f"{kinds[kind] / len(rows):8.3f}" for kind in ("ngram", "tokens", "near", "any"))
            print(f"{planting + ', ' + name:40}{len(rows):9}{shares}")


def cost(clean: list[str], lists: Any, tries: int) -> None:
    """Print the processor time of FineWeb's filters, and what the filter adds."""
    from filters.chain import Chain, chain_steps
    from filters.document import from_rows
    from pipeline.recipe import load

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    fineweb = load("fineweb").loaded_chain()
    rows = [
        {"id": str(at), "url": f"http://example.org/{at}", "text": text}
        for at, text in enumerate(clean[: 2 * BATCH])
    ]
    table = from_rows(rows[:BATCH])
    chains = {"fineweb": fineweb}
    for kinds in (("ngram",), ("ngram", "near"), ("ngram", "tokens", "near")):
        more = chain_steps([{"contamination": {"kinds": list(kinds)}}])
        chains[f"with {', '.join(kinds)}"] = Chain([*fineweb.steps, *more], {**fineweb.assets, **lists})
    best = dict.fromkeys(chains, float("inf"))
    for chain in chains.values():
        chain.apply(table)
    for _ in range(tries):
        for name, chain in chains.items():
            began = time.process_time()
            chain.apply(table)
            best[name] = min(best[name], time.process_time() - began)
    characters = sum(len(row["text"]) for row in rows[:BATCH])
    print(f"\n{'processor time of the chain':40}{'ns/char':>9}{'added':>9}")
    for name, seconds in best.items():
        added = f"{100 * (seconds / best['fineweb'] - 1):8.1f}%" if name != "fineweb" else ""
        print(f"{name:40}{1e9 * seconds / characters:9.1f}{added}")


def applied(clean: list[str], lists: Any, tries: int) -> float:
    """Nanoseconds a character that the filter itself takes with its default kinds, the index being there."""
    from filters.batch import Batch
    from filters.contamination.spec import SPEC, Settings

    settings, texts = Settings(against="lists.benchmarks"), clean[: 8 * BATCH]
    least = math.inf
    for _ in range(tries + 1):  # the first makes the index
        batches = [Batch(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        for batch in batches:
            batch.codes  # noqa: B018 (which all filters share)
        began = time.process_time()
        for batch in batches:
            SPEC.measure(batch, settings, lists)
        least = min(least, time.process_time() - began)
    return 1e9 * least / sum(map(len, texts))


def stage(texts: list[str], tests: Path, tries: int, alone: float) -> None:
    """Print what the filter takes and adds of the core-seconds of the stage `filter`, as the ledger has them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipeline.recipe import source

    recipe = source("fineweb")[0]
    before, after = "\n  - fineweb\n", "\n  - fineweb\n  - contamination: {against: lists.tests}\n"
    assert before in recipe
    listed = f"lists: {{tests: {{kind: benchmarks, path: {tests}/*.jsonl}}}}\n"
    least = {"fineweb": math.inf, "with ngram, near": math.inf}
    with tempfile.TemporaryDirectory(prefix="contamination-") as folder:
        work = Path(folder)
        pq.write_table(pa.table({"text": texts}), work / "documents.parquet")
        (work / "fineweb.yaml").write_text(recipe)
        (work / "with.yaml").write_text(listed + recipe.replace(before, after))
        for _ in range(tries):
            for name, file in zip(least, ("fineweb.yaml", "with.yaml"), strict=True):
                least[name] = min(least[name], filtered(work, work / file))
    print("\nprocessor time of the stage              seconds    added")
    base = least["fineweb"]
    each = 1e9 * base / sum(map(len, texts))
    print(
        f"the filter itself: {alone:.1f} ns a character of {each:.0f}, {100 * alone / each:.1f} %, and the index once"
    )
    for name, seconds in least.items():
        print(f"{name:<38}{seconds:>9.2f}{100 * (seconds / base - 1):>8.1f}%")


def filtered(work: Path, recipe: Path) -> float:
    """Core-seconds of the stage `filter` of a new run on one worker."""
    out = work / "run"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "pipeline"]
    words = [
        "filter",
        recipe,
        "--input",
        work / "documents.parquet",
        "--out",
        out,
        "--workers",
        "1",
        "--quiet",
    ]
    subprocess.run([*command, *map(str, words)], check=True, cwd=ROOT, stderr=subprocess.DEVNULL)
    told = subprocess.run([*command, "stats", str(out), "--json"], check=True, cwd=ROOT, capture_output=True)
    return float(json.loads(told.stdout)["core_seconds"]["filter"])


if __name__ == "__main__":
    main()
