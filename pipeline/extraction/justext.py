"""Main text by jusText, the extractor of Pile-CC and Nemotron-CC: paragraphs judged by length, links and stop words."""

from __future__ import annotations

import functools

from pipeline.extraction.wishes import Wishes


def justext(html: str, url: str, wishes: Wishes) -> str:
    """Main text by jusText, about 10 ms a page; English stop words, as both recipes use it.

    `precision` keeps the paragraphs that jusText calls good, with its default thresholds. `balanced` and `recall`
    lower them as its documentation suggests for pages of short paragraphs. It knows no comments.
    """
    import justext as library
    from lxml.etree import ParserError

    lengths = {"precision": (70, 200), "balanced": (50, 140), "recall": (30, 70)}
    low, high = lengths[wishes.favor]
    try:
        paragraphs = library.justext(html, _stop_words(), length_low=low, length_high=high)
    except ParserError:  # nothing but white space and NULs
        return ""
    return "\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)


@functools.cache
def _stop_words() -> frozenset[str]:
    import justext as library

    words: frozenset[str] = library.get_stoplist("English")
    return words
