"""Main text by trafilatura, the extractor of FineWeb and RefinedWeb and the reference for quality.

It is called with the settings of FineWeb's published pipeline (precision, no comments, tables kept), except that its
own deduplication stays off: that drops text which an earlier page of the same process had, so that the result would
depend on the order of the pages.
"""

from __future__ import annotations

import functools

from pipeline.extraction.wishes import Wishes
from pipeline.extraction.xpath import finder


def trafilatura(html: str, url: str, wishes: Wishes) -> str:
    """Main text by trafilatura, about 15 ms a page."""
    from trafilatura import extract
    from trafilatura.utils import load_html

    _lighten_lxml()
    tree = load_html(html)
    if tree is None:
        return ""
    text = extract(
        tree,
        favor_precision=wishes.favor == "precision",
        favor_recall=wishes.favor == "recall",
        include_comments=wishes.comments,
        deduplicate=False,
    )
    return text or ""


@functools.cache
def _lighten_lxml() -> None:
    """Spares trafilatura a third of its time and changes no text (`benchmarks/trafilatura_time.py`).

    Its parser asks a Python function for the class of every element it touches, to tell form fields from others, and
    its XPath expressions build strings that remember where they came from: it uses neither. And most of them judge
    elements by their class or id over and over.
    """
    from lxml import etree
    from lxml.html import HtmlComment, HtmlElement, HtmlEntity, HtmlProcessingInstruction
    from trafilatura import utils, xpaths

    utils.HTML_PARSER.set_element_class_lookup(
        etree.ElementDefaultClassLookup(
            element=HtmlElement, comment=HtmlComment, pi=HtmlProcessingInstruction, entity=HtmlEntity
        )
    )
    for name, expressions in vars(xpaths).items():
        if name.endswith("_XPATH") and isinstance(expressions, list):
            expressions[:] = [
                finder(expression.path)
                or etree.XPath(expression.path, namespaces={"re": xpaths.REGEXP_NS}, smart_strings=False)
                for expression in expressions
            ]
