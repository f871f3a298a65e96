"""Times the language filter's reading of lid.176 against fastText's own library, and compares every prediction.

    python benchmarks/language.py [--data DATA]

The texts are the marked ones of the test data, each given to both in turn; words are remembered from text to text, as
in a run. Prints milliseconds of processor time a text, the ratio, the labels that differ and the largest difference of
a probability.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Print one line for each side, and the differences."""
    from fasttext.FastText import _FastText

    from benchmarks.extraction.gold import gold_pages
    from filters.fasttext_model import Model
    from pipeline import assets

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of real pages with --data or SLUICE_DATA")
    path = assets.paths("lid176")[0]
    ours, library = Model(path.read_bytes()), _FastText(model_path=str(path)).f
    texts = [page.text for page in gold_pages(options.data) if page.text.strip()]
    spent, differing, furthest = [0.0, 0.0], 0, 0.0
    for text in texts:
        began = time.process_time()
        ((score, label),) = library.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        between = time.process_time()
        found, probability = ours.predict(text)
        spent[0] += between - began
        spent[1] += time.process_time() - between
        differing += found != label
        furthest = max(furthest, abs(probability - score))
    for name, seconds in zip(("fastText's library", "here"), spent, strict=True):
        print(f"{name:20}{1000 * seconds / len(texts):8.3f} ms a text")
    print(
        f"{spent[0] / spent[1]:.1f} times as fast; {differing} of {len(texts)} labels differ, probabilities by at most "
        f"{furthest:.1e}"
    )


if __name__ == "__main__":
    main()
