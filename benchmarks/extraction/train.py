"""Trains the model of the extractor `blocks` on all marked pages: `python -m benchmarks.extraction.train`.

Reads $SLUICE_DATA/web, writes pipeline/extraction/blocks/model.npz, seeded and on one thread. The thresholds of
`precision`, `balanced` and `recall` are chosen on pages of hosts that the model has not seen, with comments where the
source counts them as main text.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.extraction.evaluate import of_unseen_hosts, scores_at
from benchmarks.extraction.gold import MANUAL, gold_pages
from benchmarks.extraction.labels import Labelled, label
from benchmarks.extraction.learn import learn, shares_of
from pipeline.extraction.blocks.columns import NAMES
from pipeline.extraction.blocks.model import save

MODEL = Path(__file__).parents[2] / "pipeline" / "extraction" / "blocks" / "model.npz"
GRID = tuple(round(0.05 * step, 2) for step in range(4, 16))
_PER_RECALL = 2.0  # `recall` weighs it so much more than precision, `precision` the other way (F-beta)


def labelled(data: Path) -> list[Labelled]:
    """All marked pages that can be aligned with their gold text."""
    return [found for page in gold_pages(data) if (found := label(page)) is not None]


def thresholds(pages: Sequence[Labelled]) -> dict[str, float]:
    """The best thresholds by favor, for F1 and for F-beta that leans to either side."""
    manual = [page for page in of_unseen_hosts(pages, wishes=[True])[0] if page[0].page.kind == MANUAL]
    found = {}
    scores = {threshold: scores_at(manual, threshold) for threshold in GRID}
    for favor, beta in (("precision", 1 / _PER_RECALL), ("balanced", 1.0), ("recall", _PER_RECALL)):
        square = beta * beta
        means = {
            threshold: np.mean(
                (1 + square)
                * pairs[:, 1]
                * pairs[:, 2]
                / np.maximum(square * pairs[:, 1] + pairs[:, 2], 1e-9)
            )
            for threshold, pairs in scores.items()
        }
        found[favor] = max(means, key=lambda threshold: (means[threshold], -threshold))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument("--out", type=Path, default=MODEL)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of marked pages with --data or SLUICE_DATA")
    pages = labelled(options.data)
    print(f"{len(pages)} pages, {sum(len(page.tokens) for page in pages)} blocks")
    chosen = thresholds(pages)
    print(f"thresholds: {chosen}")
    model, lexicons = learn(pages, shares_of(pages), chosen)
    file = io.BytesIO()
    save(model, file, (lexicons.words[0], lexicons.classes[0]))
    options.out.write_bytes(file.getvalue())
    print(
        f"{options.out}: {len(file.getvalue()) >> 10} KiB, {len(model.trees.roots)} trees, {len(NAMES)} columns"
    )


if __name__ == "__main__":
    main()
