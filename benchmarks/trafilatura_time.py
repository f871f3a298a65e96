"""Times trafilatura as Sluice calls it against trafilatura alone, on the same pages, and compares every text.

    python benchmarks/trafilatura_time.py [--data DATA] [--pages N]

Each runs in a process of its own, in turns over blocks of pages, so that a busy machine slows both alike. Prints
milliseconds of processor time a page, the ratio, and how many texts differ (none should).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_BLOCK = 100  # pages


def ours(pages: list[str]) -> tuple[list[str], float]:
    """Texts and processor seconds by `pipeline.extraction.trafilatura`."""
    from pipeline.extraction.trafilatura import trafilatura
    from pipeline.extraction.wishes import Wishes

    trafilatura("<p>text</p>", "", Wishes())
    began = time.process_time()
    return [attempt(lambda html: trafilatura(html, "", Wishes()), page) for page in pages], (
        time.process_time() - began
    )


def alone(pages: list[str]) -> tuple[list[str], float]:
    """The same by the library with the same settings."""
    from trafilatura import extract

    def text(html: str) -> str:
        return extract(html, favor_precision=True, include_comments=False, deduplicate=False) or ""

    text("<p>text</p>")
    began = time.process_time()
    return [attempt(text, page) for page in pages], time.process_time() - began


def attempt(extract: object, page: str) -> str:
    """The text of a page, or the name of what was raised."""
    try:
        return extract(page)  # type: ignore[no-any-return, operator]
    except Exception as error:
        return type(error).__name__


def main() -> None:
    """Print one line for each side, and the differences."""
    from benchmarks.extraction.gold import gold_pages

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument("--pages", type=int, default=1000)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of real pages with --data or SLUICE_DATA")
    found = [page.html for page in gold_pages(options.data)]
    pages = found[:: max(1, len(found) // options.pages)]
    spent = {ours: 0.0, alone: 0.0}
    differing = 0
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as one,
        ProcessPoolExecutor(1, get_context("spawn")) as other,
    ):
        for at in range(0, len(pages), _BLOCK):
            block = pages[at : at + _BLOCK]
            texts = {}
            for side, pool in ((ours, one), (alone, other)):
                texts[side], seconds = pool.submit(side, block).result()
                spent[side] += seconds
            differing += sum(map(str.__ne__, texts[ours], texts[alone]))
    for name, side in (("trafilatura alone", alone), ("as Sluice calls it", ours)):
        print(f"{name:20}{1000 * spent[side] / len(pages):8.1f} ms a page")
    print(f"{spent[alone] / spent[ours]:.2f} times as fast; {differing} of {len(pages)} texts differ")


if __name__ == "__main__":
    main()
