"""How many `<pre>` blocks of main content each extractor keeps: `python -m benchmarks.extraction.preformatted`.

A block is inside if the marked text of its page has its words in one run, and kept if the extracted text has its lines
with every space, white space at line ends apart. `blocks` judges pages with a known host by models that saw no page of
that host (`--shipped`: by the model that comes with Sluice, which has learned from them).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from lxml import etree
from lxml import html as lxml_html

from benchmarks.extraction.evaluate import of_unseen_hosts
from benchmarks.extraction.gold import MANUAL, GoldPage, tokens
from benchmarks.extraction.train import labelled
from pipeline.extraction import EXTRACTORS
from pipeline.extraction.blocks.model import keep, shipped
from pipeline.extraction.blocks.render import render
from pipeline.extraction.wishes import Wishes

_WORDS = 3  # a block of fewer cannot be found in the marked text


def lines(text: str) -> str:
    """The lines of a block without white space at their ends, and without empty lines around them."""
    return "\n".join(line.rstrip() for line in text.expandtabs().split("\n")).strip("\n")


def inside(page: GoldPage) -> Iterator[str]:
    """The lines of each `<pre>` block of a page that its marked text has."""
    marked = f" {' '.join(tokens(page.text))} "
    tree = lxml_html.document_fromstring(page.html.encode(), parser=etree.HTMLParser(encoding="utf-8"))
    for element in tree.iter("pre"):
        for newline in element.iter("br"):
            newline.tail = "\n" + (newline.tail or "")
        text = "".join(element.itertext())
        words = tokens(text)
        if len(words) >= _WORDS and f" {' '.join(words)} " in marked:
            yield lines(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("SLUICE_DATA"), help="default: $SLUICE_DATA"
    )
    parser.add_argument("--shipped", action="store_true", help="no training: the shipped model")
    options = parser.parse_args()
    if options.data is None:
        parser.error("name the folder of marked pages with --data or SLUICE_DATA")
    pages = labelled(options.data)
    wanted = {page.page.sha1: list(inside(page.page)) for page in pages if page.page.kind == MANUAL}
    holding = [page for page in pages if wanted.get(page.page.sha1)]
    texts = {
        name: {page.page.sha1: extract(page.page.html, "", Wishes("balanced")) for page in holding}
        for name, extract in EXTRACTORS.items()
    }
    if not options.shipped:
        threshold = shipped().thresholds["balanced"]
        texts["blocks"] = {}
        for page, chances in of_unseen_hosts(pages)[0]:
            texts["blocks"][page.page.sha1] = render(page.scan, keep(page.scan, chances, threshold))
    print(f"{'extractor':14}{'pages':>8}{'blocks':>8}{'kept':>8}")
    for name, found in texts.items():
        asked = [page.page.sha1 for page in holding if page.page.sha1 in found]
        pairs = [(block, lines(found[sha1])) for sha1 in asked for block in wanted[sha1]]
        kept = sum(block in text for block, text in pairs)
        print(f"{name:14}{len(asked):8}{len(pairs):8}{kept / max(1, len(pairs)):8.3f}")


if __name__ == "__main__":
    main()
