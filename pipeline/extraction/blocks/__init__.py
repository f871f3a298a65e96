"""Sluice's own extractor: blocks of text, judged by boosted trees that learned from pages which people marked.

One parse (`tree`), one scan of it to blocks (`scan`), columns for each block (`counts`, `features`), a probability for
each (`trees`, `model`), and the text of those that are kept (`render`).
"""

from __future__ import annotations

from pipeline.extraction.wishes import Wishes


def blocks(html: str, url: str, wishes: Wishes) -> str:
    """Main text by the model that comes with Sluice, about 2 ms a page; `favor` is how sure it must be of a block."""
    # Here, as compiled loops take a while to load: not every command needs them.
    from pipeline.extraction.blocks.model import main_text, shipped
    from pipeline.extraction.blocks.render import render
    from pipeline.extraction.blocks.scan import scan
    from pipeline.extraction.blocks.tree import serialised

    page = scan(serialised(html))
    return render(page, main_text(page, shipped(), wishes.favor, wishes.comments))
