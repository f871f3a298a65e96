"""A page's HTML to its main text and the facts it states: extractors of one function type, and a table that names them.

All of this runs in a child process that can be killed (`pipeline.sandbox`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.extraction.blocks import blocks
from pipeline.extraction.facts import facts
from pipeline.extraction.formulas import with_formulas
from pipeline.extraction.justext import justext
from pipeline.extraction.pdf import read_pdf
from pipeline.extraction.resiliparse import resiliparse
from pipeline.extraction.trafilatura import trafilatura

# (html, url, favor) -> main text, empty where there is none; `favor` is `precision`, `balanced` or `recall`.
Extractor = Callable[[str, str, str], str]

EXTRACTORS: dict[str, Extractor] = {
    "trafilatura": trafilatura,
    "resiliparse": resiliparse,
    "justext": justext,
    "blocks": blocks,
}
PACKAGES = {"blocks": "resiliparse"}  # whose version decides the text; the others are packages of that name
CHEAP = ("resiliparse", "blocks")  # as fast as the cascade's look at a page, which would save nothing


class Extraction(NamedTuple):
    """What a page holds: `text` is empty where there is no main text; the rest is None where not stated."""

    text: str
    title: str | None = None
    published: str | None = None  # YYYY-MM-DD
    language: str | None = None  # declared, such as by <html lang>
    canonical: str | None = None
    license: str | None = None
    opt_out: str | None = None
    look: list[Any] | None = None  # what the cascade saw before (`pipeline.cascade`)


def extract_page(page: str | bytes, url: str, extractor: str, favor: str) -> Extraction:
    """Text and facts of one page: HTML with an extractor of the table, or a PDF's text layer and metadata."""
    if isinstance(page, bytes):
        return Extraction(*read_pdf(page))
    return Extraction(EXTRACTORS[extractor](with_formulas(page), url, favor), *facts(page, url))
