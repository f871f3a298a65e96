"""A page's HTML to its main text and the facts it states: extractors of one function type, and a table that names them.

All of this runs in a child process that can be killed (`pipeline.sandbox`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pipeline.extraction.blocks import blocks
from pipeline.extraction.facts import facts
from pipeline.extraction.formulas import with_formulas
from pipeline.extraction.justext import justext
from pipeline.extraction.pdf import read_pdf
from pipeline.extraction.resiliparse import resiliparse
from pipeline.extraction.trafilatura import trafilatura
from pipeline.extraction.wishes import Wishes

# (html, url, wishes) -> main text, empty where there is none.
Extractor = Callable[[str, str, Wishes], str]

EXTRACTORS: dict[str, Extractor] = {
    "trafilatura": trafilatura,
    "resiliparse": resiliparse,
    "justext": justext,
    "blocks": blocks,
}
PACKAGES = {"blocks": "resiliparse"}  # whose version decides the text; the others are packages of that name
CHEAP = ("resiliparse",)  # so fast that the cascade's look at a page saves nothing of it


class Extraction(NamedTuple):
    """What a page holds: `text` is empty where there is no main text; the rest is None where not stated."""

    text: str
    title: str | None = None
    published: str | None = None  # YYYY-MM-DD
    language: str | None = None  # declared, such as by <html lang>
    canonical: str | None = None
    license: str | None = None
    opt_out: str | None = None
    extractor: str | None = None  # whose text it is
    others: list[dict[str, str]] | None = None  # {extractor, text} of those that found another text
    look: list[Any] | None = None  # what the cascade saw before (`pipeline.cascade`)


def extract_page(
    page: str | bytes, url: str, extractors: Sequence[str], favor: str, comments: bool
) -> Extraction:
    """Text and facts of one page: HTML with extractors of the table, or a PDF's text layer and metadata.

    Of several extractors the first gives `text`, and the texts of the rest that differ follow in `others`. An extractor
    that raises an error has found nothing, unless no other finds anything: then the first error is raised.
    """
    if isinstance(page, bytes):
        return Extraction(*read_pdf(page))
    html, wishes = with_formulas(page), Wishes(favor, comments)
    texts: dict[str, str] = {}
    errors: list[Exception] = []
    for name in extractors:
        try:
            texts.setdefault(EXTRACTORS[name](html, url, wishes), name)
        except MemoryError:  # the page needs more than it may have, whoever else would find something
            raise
        except Exception as error:  # an extractor may raise anything
            errors.append(error)
    if errors and not any(texts):
        raise errors[0]
    (text, name), *rest = texts.items()
    others = [{"extractor": other, "text": found} for found, other in rest if found]
    return Extraction(text, *facts(page, url), extractor=name, others=others or None)
