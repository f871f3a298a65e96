"""Keys of lines and the search for repeated ones: megabytes and lines a second on one core.

    python benchmarks/lines.py --documents 5000

The documents are made here: 40 lines of 2 to 30 words, every fifth one of a stock of 2,000 that all share.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from pipeline.dedup.lines import part_keys, ranks, repeated
from pipeline.dedup.runs import Entries

LINES = 40  # of a document


def documents(number: int) -> list[str]:
    """Texts with some lines of their own and some of a stock of 2,000."""
    draw = random.Random(1)
    words = [
        "".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 10))) for _ in range(20_000)
    ]

    def line() -> str:
        return " ".join(draw.choices(words, k=draw.randint(2, 30))).capitalize() + "."

    stock = [line() for _ in range(2000)]
    return [
        "\n".join(draw.choice(stock) if at % 5 == 0 else line() for at in range(LINES)) for _ in range(number)
    ]


def main() -> None:
    """Measure both variants."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--tries", type=int, default=3)
    arguments = parser.parse_args()
    texts = documents(arguments.documents)
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} documents, {size:.1f} MB, {len(texts) * LINES:,} lines")
    for variant in ("c4", "ccnet"):
        part_keys(texts[:1], variant, "lines")  # loads compiled code and tables
        times = []
        for _ in range(arguments.tries):
            started = time.process_time()
            found = part_keys(texts, variant, "lines")
            times.append(time.process_time() - started)
        spent = sorted(times)[len(times) // 2]
        rows = np.repeat(np.arange(len(texts), dtype=np.uint32), np.diff(found.offsets))
        values = [rows, found.lines]
        if variant == "c4":
            rank = ranks([f"http://a.example/{at}" for at in range(len(texts))], [""] * len(texts))[rows]
            values += [(rank >> np.uint64(32)).astype(np.uint32), rank.astype(np.uint32)]
        order = np.argsort(found.keys, kind="stable")
        run = Entries(found.keys[order], np.stack(values, axis=1)[order])
        started = time.process_time()
        block, _, _ = repeated([run], [0])
        searched = time.process_time() - started
        print(
            f"{variant:<6} keys {size / spent:6.1f} MB/s, {spent / len(rows) * 1e6:.2f} us a line; "
            f"search {searched / len(rows) * 1e6:.2f} us a line; {len(block):,} repeated"
        )


if __name__ == "__main__":
    main()
