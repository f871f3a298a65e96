"""Times FineWeb's four text filters against datatrove's, and all filters of the table, on real pages and one core.

    python benchmarks/filters.py [--data DATA] [--documents N] [--tries N]

The texts are marked main texts of the test data of 3,500 to 5,500 characters (4.4 KB on average). Both sides get the
same texts in the same run, in one process bound to one core; figures are milliseconds of processor time a document,
the best of several tries. datatrove is given twice: as its pipeline runs, where a dropped document reaches no later
filter, and with all four filters on every document, which is what this project does. Ours is given cold (a fresh chain
that remembers nothing, for every document and for every batch of 512; "measured alone" leaves the chain's tables and
verdicts out) and warm. Compiled code, imports and assets are
loaded before, on both sides. Then: the cost of ten texts in one document, and of every filter alone and all together.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

FOUR = ("gopher_repetition", "gopher_quality", "c4", "fineweb")
SHORTEST, LONGEST = 3_500, 5_500
BATCH = 512


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument(
        "--documents", type=int, default=128, help="given to datatrove (ours get at least a batch)"
    )
    parser.add_argument("--tries", type=int, default=5)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of real pages with --data or SLUICE_DATA")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    texts = real_texts(options.data)
    few = texts[:: max(1, len(texts) // options.documents)][: options.documents]
    characters = sum(map(len, few)) / len(few)
    print(
        f"{len(few)} of {len(texts)} texts, {characters:.0f} characters on average; ms of processor time a document\n"
    )
    compare(few, options.tries)
    grow(texts, options.tries)
    every_filter(texts, options.tries)


def real_texts(data: Path) -> list[str]:
    """The marked main texts of `data`/web of about the wanted length, in the order of the file."""
    with gzip.open(data / "web" / "gold.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line).get("text") or "" for line in lines]
    return [text for text in dict.fromkeys(found) if SHORTEST <= len(text) <= LONGEST]


def best(work: Callable[[], object], tries: int) -> float:
    """The fewest milliseconds of processor time that a call took."""
    found = []
    for _ in range(tries):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return 1000 * min(found)


def tables(texts: list[str], size: int) -> list[pa.Table]:
    """The texts as tables of `size` documents; they are repeated until one is full."""
    from filters.document import from_rows

    enough = texts * -(-max(size, len(texts)) // len(texts))
    rows = [{"id": str(i), "url": f"http://example.org/{i}", "text": text} for i, text in enumerate(enough)]
    return [from_rows(rows[i : i + size]) for i in range(0, len(rows), size) if i + size <= len(rows)]


def chain_of(names: tuple[str, ...], tokenizer: Any = None) -> Any:
    """A chain that remembers nothing yet, with default settings."""
    from filters.chain import Chain, asset_names, chain_steps
    from pipeline import assets

    steps = chain_steps(list(names))
    return Chain(steps, {name: assets.load(name) for name in asset_names(steps)})


def four_there() -> list[Any]:
    """datatrove's four filters with FineWeb's settings."""
    from datatrove.pipeline import filters

    return [
        filters.GopherRepetitionFilter(),
        filters.GopherQualityFilter(),
        filters.C4QualityFilter(filter_no_terminal_punct=False),
        filters.FineWebQualityFilter(),
    ]


def there(filters: list[Any], texts: list[str], to_the_end: bool) -> None:
    """datatrove's filters over each text, all of them or up to the first that drops it."""
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import get_filter_result
    from datatrove.utils.text import split_into_parts

    split_into_parts.cache_clear()  # it remembers the last five texts
    for text in texts:
        document = Document(text=text, id="")
        for one in filters:
            if not get_filter_result(one.filter(document))[0] and not to_the_end:
                break


def compare(texts: list[str], tries: int) -> None:
    """Print what the four filters cost on both sides."""
    filters = four_there()
    there(filters, texts[:2], True)
    singles, batches = tables(texts, 1), tables(texts, BATCH)
    warm = chain_of(FOUR)
    warm.apply(batches[0])
    count = len(texts)
    piped = best(lambda: there(filters, texts, False), min(tries, 3)) / count
    whole = best(lambda: there(filters, texts, True), min(tries, 3)) / count
    ours = {
        "cold, measured alone": best(lambda: [measured_alone(warm.steps, text) for text in texts], tries)
        / count,
        "cold, a chain a document": best(lambda: [chain_of(FOUR).apply(one) for one in singles], tries)
        / count,
        f"cold, a chain for {BATCH} documents": best(lambda: chain_of(FOUR).apply(batches[0]), tries) / BATCH,
        f"warm, {BATCH} documents": best(lambda: warm.apply(batches[0]), tries) / BATCH,
    }
    print(f"{'the four text filters of FineWeb':40}{'ms':>9}{'piped / ms':>12}{'all / ms':>10}")
    print(f"{'datatrove, as its pipeline runs':40}{piped:9.3f}")
    print(f"{'datatrove, all four on all':40}{whole:9.3f}")
    for name, milliseconds in ours.items():
        print(f"{name:40}{milliseconds:9.3f}{piped / milliseconds:12.1f}{whole / milliseconds:10.1f}")


def measured_alone(steps: Any, text: str) -> None:
    """The four filters over one text, without the tables and verdicts of a chain; nothing is remembered."""
    from filters import FILTERS
    from filters.batch import Batch
    from filters.text.words import WordSplitter
    from pipeline import assets

    batch = Batch([text], None, WordSplitter(assets.load("english_tokenizer")))
    for step in steps:
        spec = FILTERS[step.name]
        spec.measure(batch, step.settings, {})
        if spec.edit is not None:
            batch = batch.edited(spec.edit(batch, step.settings))


def grow(texts: list[str], tries: int) -> None:
    """Print the cost of documents of ten different texts each against that of the texts."""
    ten = ["\n".join(texts[i : i + 10]) for i in range(0, len(texts) - 9, 10)]
    short, long = tables(texts[: 10 * len(ten)], 10 * len(ten))[0], tables(ten, len(ten))[0]
    one = best(lambda: chain_of(FOUR).apply(short), tries) / short.num_rows
    other = best(lambda: chain_of(FOUR).apply(long), tries) / long.num_rows
    print(f"\n{'ten texts in one document':40}{other:9.3f}{other / one:12.1f} times one text\n")


def every_filter(texts: list[str], tries: int) -> None:
    """Print the cost of each filter alone and of all in one chain, those that need a path apart."""
    from filters import FILTERS
    from filters.chain import asset_names, chain_steps
    from pipeline import assets

    table = tables(texts, BATCH)[0]
    print(f"{f'each filter alone, cold, {BATCH} documents':40}{'ms':>9}")
    measured = []
    for name in FILTERS:
        try:
            for asset in asset_names(chain_steps([name])):
                assets.load(asset)
            chain_of((name,)).apply(table)  # compiles what is to be compiled
        except Exception as problem:  # a list or model that a recipe must name
            print(f"{name:40}{'':9}   left out: {str(problem)[:60]}")
            continue
        measured.append(name)
        cost = best(lambda name=name: chain_of((name,)).apply(table), min(tries, 3)) / BATCH  # type: ignore[misc]
        print(f"{name:40}{cost:9.3f}")
    together = best(lambda: chain_of(tuple(measured)).apply(table), min(tries, 3)) / BATCH
    print(f"{'all signals together':40}{together:9.3f}")


if __name__ == "__main__":
    main()
