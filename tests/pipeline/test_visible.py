"""Visible text of raw HTML: tags, comments and raw text end where the HTML standard's tokenizer ends them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from resiliparse.extract.html2text import extract_plain_text

from benchmarks.extraction.gold import gold_pages
from pipeline.extraction.visible import visible_text
from tests.growth import assert_linear


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("  plain  text \n here ", "plain text here"),
        ("<p>a<b>b</b>c</p><p>d<br>e", "abc\nd\ne"),
        ("a < b <3 c", "a < b <3 c"),
        ("a<", "a<"),
        ("<p>a&amp;b &eacute;&#233; &lt;p>", "a&b éé <p>"),
        ("<title>T</title><h1>H</h1>", "H"),
        ("a<!-- <p>b</p> -->c", "ac"),
        ("a<!-->b<!--->c<!--x--!>d", "abcd"),
        ("a<!--b", "a"),
        ("a<!doctype x>b<?php c ?>d</ e>f</>g", "abdfg"),
        ("<a title='x>y' alt=\"<p>\">z</a>", "z"),
        ("<a title=x>y", "y"),
        ("<a title = 'x>' b>y", "y"),
        ("<a it's>y", "y"),  # a quote begins a value behind = only
        ("<a/b='>'>y", "y"),
        ("<p class='x", ""),
        ("<script>if (a < b) x('<p>no</p>')</script>yes", "yes"),
        ("<SCRIPT>no</sCript >yes", "yes"),
        ("<script>no</scripts>no</script/>yes", "yes"),
        ("<script><!-- <script>no</script> no --> </script>yes", "yes"),
        ("<script><!-- no</script>yes", "yes"),
        ("<script><!--><script>no</script>yes", "yes"),
        ("<script>no", ""),
        ("<style>p { }</style>a<textarea>no <b>no</textarea>b", "ab"),
        ("<iframe><p>no</p></iframe>a<noscript>b</noscript>", "ab"),
        ("<svg><title/><path d='M1'/></svg>a", "a"),
        ("<svg><title>no</title></svg>a<math><mi>x</mi></math>", "ax"),
        ("<title/>no</title>a", "a"),
        ("a<plaintext>b<c>", "ab<c>"),
        ("日本<br/>語", "日本\n語"),
    ],
)
def test_text_outside_of_tags(html: str, text: str) -> None:
    assert visible_text(html) == text


def test_every_cut_of_a_page_is_read() -> None:
    page = "<p a='b'>x<!-- y --><script><!--<script></script>--></script><svg/><title>t</title>&amp;é</p"
    for end in range(len(page)):
        assert len(visible_text(page[:end])) <= end


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "</",
        "<!--",
        "<script>",
        "<script><!--<script>",
        "<title>",
        "<a b='",
        "<a b=\"'",
        "<svg><title/>",
        "a&",
    ],
)
def test_time_is_linear(part: str) -> None:
    assert_linear(lambda size: visible_text(part * size), 20_000)


def test_it_holds_what_a_parser_finds(data_dir: Path) -> None:
    """Of the words that resiliparse finds on real pages nearly all, and few that it does not."""
    pages = gold_pages(data_dir)[::10]
    there = found = more = 0
    for page in pages:
        parsed = extract_plain_text(page.html, preserve_formatting=False, alt_texts=False, comments=True)
        expected, words = Counter(parsed.split()), Counter(visible_text(page.html).split())
        both = sum((expected & words).values())
        there, found, more = there + expected.total(), found + both, more + words.total() - both
    assert there > 100_000
    assert found > 0.99 * there
    assert more < 0.1 * there
