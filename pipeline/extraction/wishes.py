"""What a recipe asks of an extractor, beside a page."""

from __future__ import annotations

from typing import NamedTuple


class Wishes(NamedTuple):
    """`favor` is `precision`, `balanced` or `recall`; with `comments` what readers wrote below a page is kept, too."""

    favor: str = "precision"
    comments: bool = False
