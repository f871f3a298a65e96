"""How long a page that hangs its parser holds up a worker: the limit, and what comes on top.

Each hostile page stands between two good ones; their time is subtracted. `python benchmarks/hostile_pages.py --limit 1`
"""

from __future__ import annotations

import argparse
import time

from pipeline.extraction import EXTRACTORS, Extraction
from pipeline.sandbox import Page, Sandbox

GOOD = "<article>" + "<p>The weather was fine, and so we went for a long walk along the river.</p>" * 12
HOSTILE = {
    "200,000 attributes": "<div " + " ".join(f"a{n}='1'" for n in range(200_000)) + ">x</div>",
    "100,000 nested tags": "<div>" * 100_000 + "text",
    "100,000 nested lists": "<ul><li>" * 100_000 + "text",
    "unclosed script, 5 MB": "<p>text</p><script>" + "var a = 1;" * 500_000,
    "900,000 entities": "<p>" + "&amp;" * 900_000,
    "1,000,000 half open tags": "<p>" + "<" * 1_000_000,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=1.0, help="seconds a page")
    limit = parser.parse_args().limit
    print(f"{'extractor':<12} {'page':<26} {'outcome':<12} {'seconds':>8} {'over the limit':>15}")
    for extractor in EXTRACTORS:
        options = {"extractors": [extractor], "favor": "precision", "comments": False}
        with Sandbox("pipeline.extraction:extract_page", options, timeout=limit) as sandbox:
            good = Page(f"<html><body>{GOOD}</article></body></html>", "")
            sandbox.extract([good, good])
            began = time.monotonic()
            sandbox.extract([good, good])
            ordinary = time.monotonic() - began
            for name, html in HOSTILE.items():
                began = time.monotonic()
                found = sandbox.extract([good, Page(f"<html><body>{html}", ""), good])
                took = time.monotonic() - began - ordinary
                outcome = "text" if isinstance(found[1], Extraction) else found[1].kind
                assert isinstance(found[0], Extraction), "the page before was lost"
                assert found[0] == found[2], "the page after was lost"
                print(f"{extractor:<12} {name:<26} {outcome:<12} {took:8.2f} {max(0.0, took - limit):15.2f}")


if __name__ == "__main__":
    main()
