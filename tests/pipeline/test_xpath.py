"""Expressions over attributes find what libxml2 finds; what is not read is left to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.html import document_fromstring

from pipeline.extraction import xpath
from pipeline.extraction.xpath import Finder, finder

RE = {"re": "http://exslt.org/regular-expressions"}
READ = [
    ".//*[@class]",
    ".//*[@class='a b']",
    ".//*[not(@class)]",
    ".//*[self::div or self::p][@id='x' or contains(@class, 'a')]",
    ".//*[self::div][@id][@class]",
    "  .//*[ self::div or\n self::p ][ starts-with(@id, 'x') and not(contains(@class, 'b')) ]  ",
    ".//*[re:test(@class, '^a|b$')]",
    ".//*[re:test(@class, '^A|B$', 'i')]",
    ".//*[re:test(@id|@class, '^(?:a|x)')]",
    ".//*[@id='y' or starts-with(@class|@id, 'x') or contains(@id|@style, 'x')]",
    ".//*[contains(translate(@class, 'AB', 'ab'), 'a')]",
    ".//*[(@id or @class) and (@style='x' or @class='a')]",
    ".//*[re:test(@class, 'a')][not(self::div or self::p) or @id='x']",
    ".//*[contains(@class, '')]",
    ".//*[self::p or self::span][@class='a'][1]",
    ".//*[contains(@class, 'a')][@id][ 1 ]",
    "(.//*[self::p][@class='a'])[1]",
    "(.//*[contains(@id, 'x')]) [1]",
]
LEFT = [
    ".//header",
    ".//div[@class]",
    "//*[@class]",
    ".//*",
    ".//*[1]",
    ".//*[2]",
    ".//*[.//h1]",
    ".//*[text()='a']",
    ".//*[@class=@id]",
    ".//*[@class!='a']",
    ".//*[@class='a'][1][@id]",
    "(.//*[@class='a'][1])[1]",
    "(.//*[@class='a'])[2]",
    "(.//*[@class='a'])[1]|.//p",
    ".//*[@class='a']|.//p",
    ".//*[@class='a']/p",
    ".//*[contains(@class, @id)]",
    ".//*[contains(., 'a')]",
    ".//*[translate(@class, 'ab', 'a')='a']",
    ".//*[contains(translate(@class, 'ab', 'a'), 'a')]",
    ".//*[position()=1]",
    ".//*[@class='a' or]",
    ".//*[@class='a'",
    ".//*[contains(@class, 'a'b')]",
    ".//*[re:test(@id|@class, 'a')][self::p or @id]",
    "",
]


def theirs(expression: str, tree: Any) -> list[Any]:
    found: list[Any] = etree.XPath(expression, namespaces=RE)(tree)
    return found


def ours(expression: str) -> Finder:
    found = finder(expression)
    assert found is not None, expression
    return found


VALUES = st.sampled_from(["", "a", "A", "b", "a b", "B a", "x", "y", "xa", "ax", "c"])
ATTRIBUTES = st.lists(
    st.tuples(st.sampled_from(["class", "id", "style"]), VALUES), max_size=3, unique_by=lambda pair: pair[0]
)
NODES: Any = st.deferred(
    lambda: st.tuples(st.sampled_from(["div", "p", "span", "em"]), ATTRIBUTES, st.lists(NODES, max_size=3))
)


def built(node: Any) -> Any:
    name, attributes, children = node
    element = etree.Element(name)
    for key, value in attributes:
        element.set(key, value)
    for child in children:
        element.append(etree.Comment("c"))
        element.append(built(child))
    return element


@settings(max_examples=150, deadline=None)
@given(st.lists(NODES, min_size=1, max_size=4))
def test_finds_what_libxml2_finds(nodes: list[Any]) -> None:
    tree = built(("div", [("class", "a")], nodes))
    for expression in READ:
        assert ours(expression)(tree) == theirs(expression, tree), expression


def test_answers_are_remembered_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xpath, "_MOST_KNOWN", 5)
    found = ours(".//*[re:test(@class, 'a')]")
    tree = document_fromstring("".join(f"<p class='{number}a'>" for number in range(40)) * 2)
    assert len(found(tree)) == 80
    assert 0 < len(found.known) <= 5


@pytest.mark.parametrize("expression", LEFT)
def test_what_is_not_read_is_left_alone(expression: str) -> None:
    assert finder(expression) is None


def test_every_expression_of_trafilatura_on_real_pages(data_dir: Path) -> None:
    from trafilatura import xpaths

    from benchmarks.extraction.gold import gold_pages
    from pipeline.extraction.trafilatura import trafilatura
    from pipeline.extraction.wishes import Wishes

    trafilatura("<p>a</p>", "", Wishes())  # puts the finders in place
    lists = [value for name, value in vars(xpaths).items() if name.endswith("_XPATH")]
    found = [one for value in lists if isinstance(value, list) for one in value if isinstance(one, Finder)]
    assert len(found) >= 10
    pages = gold_pages(data_dir)[::40]
    matches = 0
    for page in pages:
        tree = document_fromstring(page.html.encode(), parser=etree.HTMLParser(encoding="utf-8"))
        for one in found:
            here = one(tree)
            assert here == theirs(one.path, tree), one.path
            matches += len(here)
    assert matches > 10 * len(pages)
