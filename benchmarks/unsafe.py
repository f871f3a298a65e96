"""What the filters of unsafe content, importance weights and perplexity cost, and whether scores are KenLM's.

    python benchmarks/unsafe.py [--data DATA] [--hosts N]

Texts are the marked main texts of the test data of 3,500 to 5,500 characters, as in `benchmarks/filters.py`; figures
are milliseconds of processor time a document on one core, the best of several tries, for batches of 512. Lists are
those of the test data, models are trained here on its books and C4 documents. Then: how long a block list of N hosts
takes to read, first and again, and the memory that it takes. With the package kenlm installed, the largest difference
of log10 probabilities between it and our reading of a small random ARPA model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.filters import BATCH, best, real_texts, tables  # noqa: E402

TRIES = 7
CATEGORIES = (
    "adult agressif arjel chat dating ddos filehosting gambling mixed_adult phishing porn violence".split()
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("SLUICE_DATA"))
    parser.add_argument("--hosts", type=int, default=5_000_000)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of real pages with --data or SLUICE_DATA")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    each_filter(options.data)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        long_list(Path(folder) / "ut1", options.hosts)
        kenlm_agrees(Path(folder))


def loaded(data: Path) -> dict[str, Any]:
    """The lists and models that the filters are given."""
    from filters.models.importance_model import read_importance, train_importance
    from filters.models.ngram_model import read_model
    from filters.models.ngram_training import train_ngrams
    from pipeline import assets, lists

    with (data / "text" / "c4.jsonl").open(encoding="utf-8") as lines:
        raw = [json.loads(line)["text"] for line in lines]
    book = (data / "text" / "books" / "1342-0.txt").read_text(encoding="utf-8")
    pages = [book[at : at + 3000] for at in range(0, len(book), 3000)]
    began = time.process_time()
    trigrams = train_ngrams(raw)
    print(
        f"a trigram model of {sum(map(len, raw)):,} characters: {time.process_time() - began:.1f} s, "
        f"{len(trigrams):,} bytes"
    )
    return {
        "lists.ut1": lists.ut1(data / "lists" / "ut1"),
        "lists.badwords": lists.words(data / "lists" / "badwords"),
        "models.importance": read_importance(bytearray(train_importance(pages, raw))),
        "models.ngrams": read_model(bytearray(trigrams)),
        "url_lists": assets.load("url_lists"),
    }


def each_filter(data: Path) -> None:
    """Print the cost of each filter alone."""
    from filters.chain import Chain, chain_steps

    table = tables(real_texts(data), BATCH)[0]
    given = loaded(data)
    one = {"models": {"x": "importance"}}
    entries: list[dict[str, Any]] = [
        {"blocklist": {"categories": CATEGORIES}},
        {"url_words": {}},
        *({"bad_words": {"variant": variant}} for variant in ("mc4", "c4", "redpajama")),
        {"importance": one},
        {"perplexity": {"models": {"x": "ngrams"}}},
    ]
    print(f"\n{f'each filter alone, {BATCH} documents':50}{'ms':>9}")
    empty = Chain([], given)
    nothing = best(lambda: empty.apply(table), TRIES) / BATCH
    for entry in entries:
        chain = Chain(chain_steps([entry]), given)
        chain.apply(table)
        cost = best(lambda chain=chain: chain.apply(table), TRIES) / BATCH - nothing  # type: ignore[misc]
        name, settings = next(iter(entry.items()))
        print(f"{name + ' ' + str(settings.get('variant', '')):50}{cost:9.3f}")


def long_list(folder: Path, hosts: int) -> None:
    """Print what a list of many hosts costs."""
    from pipeline import lists

    draw = random.Random(1)
    (folder / "adult").mkdir(parents=True)
    with (folder / "adult" / "domains").open("w") as file:
        file.writelines(f"site{i}{draw.randrange(10**6)}.example{i % 97}.com\n" for i in range(hosts))
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        found = lists.ut1(folder).category("adult").hosts
        seconds.append(time.perf_counter() - began)
    first, again = seconds
    print(f"\n{len(found):,} hosts: {first:.1f} s, again {again:.1f} s; {found.nbytes:,} bytes, mapped")


def kenlm_agrees(folder: Path) -> None:
    """Print the largest difference from kenlm, where it is installed."""
    try:
        import kenlm
    except ImportError:
        print("kenlm is not installed: scores are not compared")
        return
    from filters.models.arpa import read_arpa

    draw = random.Random(2)
    words = [f"w{i}" for i in range(40)]
    unigrams = ["<unk>", "<s>", "</s>", *words]
    pairs = {(draw.choice(["<s>", *words]), draw.choice(words)) for _ in range(400)}
    triples = {(one, two, draw.choice(words)) for one, two in sorted(pairs) for _ in range(2)}
    triples = {three for three in triples if three[1:] in pairs}
    lines = ["\\data\\", f"ngram 1={len(unigrams)}", f"ngram 2={len(pairs)}", f"ngram 3={len(triples)}", ""]
    for size, grams in enumerate(([(word,) for word in unigrams], sorted(pairs), sorted(triples)), 1):
        lines.append(f"\\{size}-grams:")
        for gram in grams:
            end = f"\t{-draw.random():.6f}" if size < 3 and gram[-1] != "</s>" else ""
            lines.append(f"{-3 * draw.random():.6f}\t{' '.join(gram)}{end}")
        lines.append("")
    lines.append("\\end\\")
    (folder / "x.arpa").write_text("\n".join(lines) + "\n")
    texts = [" ".join(draw.choices([*words, "unknown"], k=draw.randint(1, 30))) for _ in range(2000)]
    ours = read_arpa(lines).log_probabilities(texts)[0]
    theirs = kenlm.Model(str(folder / "x.arpa"))
    worst = max(abs(theirs.score(text) - value) / abs(value) for text, value in zip(texts, ours, strict=True))
    print(f"kenlm: largest relative difference in {len(texts):,} lines {worst:.1e}")


if __name__ == "__main__":
    main()
