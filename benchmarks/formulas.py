"""How many formulas of real pages reach the extracted text as LaTeX, with and without `with_formulas`, by extractor.

`python benchmarks/formulas.py DATA` reads every page of DATA/web/*.warc.gz that holds TeX: annotations of MathML,
`math/tex` scripts, alternative texts, `data-tex` attributes and delimited text, found with lxml. A formula counts
where it is inside the main content: its page's gold text has it (`gold`); without a gold text, the extractor kept the
words around it before formulas were looked at (`other`). It is kept if the same characters, white space and an outer
`\\displaystyle` aside, stand between delimiters in the text, as often as in the page. Then MathML that has a TeX
annotation is converted as if it had none, and both are compared symbol by symbol.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import re2
from lxml import etree
from lxml import html as lxml_html

from pipeline.charset import charset_parameter, decode
from pipeline.extraction import EXTRACTORS
from pipeline.extraction.formulas import with_formulas
from pipeline.extraction.mathml import mathml_to_latex
from pipeline.extraction.wishes import Wishes
from pipeline.http import decode_body, header
from pipeline.inputs import open_input
from pipeline.page import response_of, why_no_page
from pipeline.record import Record
from pipeline.warc import read_records

GOLD = "llm-webkit-mirror"
_DELIMITED = re2.compile(r"(?s)\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)")
_DOLLARS = re2.compile(r"(?s)\$\$(.+?)\$\$|\$([^$]+?)\$")
_ALL = re2.compile(r"(?s)\$\$(.+?)\$\$|\$([^$]+?)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)")
_MARKUP = re2.compile(
    r"(?is)<(?:\w+:)?math[\s>]|math/tex|katex|mathjax|latex|data-tex|mimetex|\\\(|\\\[|\$\$"
)
_CODE = ("script", "style", "pre", "code", "textarea", "noscript", "head")
_BLOCKS = ("p", "li", "dd", "td", "th", "div", "section", "article", "blockquote", "center", "body")
_WORDS = 5  # around a formula, for it to be placed


class Source(NamedTuple):
    """A formula as a page holds it, and the text of the block around it."""

    latex: str
    around: str


def bare(latex: str) -> str:
    """A formula's characters: no white space, no outer style."""
    text = "".join(latex.split()).removeprefix("%").strip("$")
    while text.startswith("{\\displaystyle") and text.endswith("}"):
        text = text.removeprefix("{\\displaystyle").removesuffix("}")
    return text.removeprefix("\\displaystyle").removesuffix("%")


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    """SHA-1 of the body, and HTML, of every page that may hold formulas."""
    for path in sorted(folder.glob("*.warc.gz")):
        with open_input(str(path)) as file:
            for record in read_records(file):
                if not isinstance(record, Record) or record.type != "response":
                    continue
                response = response_of(record)
                if why_no_page(record, response):
                    continue
                body = decode_body(response, 5 << 20)
                charset = charset_parameter(header(response.headers, "content-type"))
                html = decode(body.data, charset).text
                if _MARKUP.search(html):
                    yield hashlib.sha1(body.data, usedforsecurity=False).hexdigest(), html


def sources(html: str) -> list[Source]:
    """The TeX of a page, one for each formula that a reader sees."""
    root = lxml_html.document_fromstring(html.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    found = []
    for element in root.iter():
        if not isinstance(element.tag, str) or any(
            a.tag in ("pre", "code", "textarea") for a in _ancestors(element)
        ):
            continue
        latex = _tex_of(element)
        if latex and bare(latex):
            found.append(Source(bare(latex), _around(element)))
        if element.tag in _CODE or "math" in element.tag or "katex" in (element.get("class") or ""):
            continue
        if any("katex" in (a.get("class") or "") or a.tag in _CODE for a in _ancestors(element)):
            continue
        in_dollars = "math-container" in (element.get("class") or "")
        for text in (element.text, *(child.tail for child in element)):
            pattern = _DOLLARS if in_dollars else _DELIMITED
            for match in pattern.finditer(text or ""):
                latex = next(group for group in match.groups() if group)
                if bare(latex) and (in_dollars or any(sign in latex for sign in "\\^_=")):
                    found.append(Source(bare(latex), _around(element)))
    return found


def _tex_of(element: Any) -> str | None:
    kind, tag = element.get("class") or "", element.tag
    if tag == "annotation" and "tex" in (element.get("encoding") or ""):
        return str(element.text or "")
    if tag == "script" and (element.get("type") or "").startswith("math/tex"):
        return str(element.text or "")
    if tag == "math" and element.get("alttext") and not element.xpath(".//annotation"):
        return str(element.get("alttext"))
    if tag == "img" and "latex" in kind.split():
        return str(element.get("alt") or "")
    if tag == "img" and "mimetex.cgi?" in (element.get("src") or ""):
        return str(element.get("src")).partition("?")[2]
    if tag == "span" and "math" in kind:
        return element.get("data-tex") or element.get("data-math")
    return None


def _ancestors(element: Any) -> list[Any]:
    return [element, *element.iterancestors()]


def _around(element: Any) -> str:
    block = next(
        (a for a in element.iterancestors() if a.tag in _BLOCKS and len(a.text_content()) > 40), element
    )
    copy = etree.fromstring(etree.tostring(block, with_tail=False), etree.HTMLParser())
    if copy is None:
        return ""
    for drawn in copy.xpath(
        "//math | //script | //style | //*[contains(@class, 'katex')] | //*[contains(@class, 'mwe')]"
    ):
        drawn.tail, tail = None, drawn.tail
        parent = drawn.getparent()
        if parent is not None:
            drawn.clear()
            drawn.tail = tail
    return " ".join(_ALL.sub(" ", "".join(copy.itertext())).split())[:2000]


def kept_words(around: str, text: str) -> bool:
    """Whether at least half of the word triples around a formula are in a text."""
    words = around.split()
    triples = [" ".join(words[at : at + 3]) for at in range(len(words) - 2)]
    flat = " ".join(text.split())
    return len(words) >= _WORDS and sum(triple in flat for triple in triples) * 2 >= len(triples)


def delimited(text: str) -> Counter[str]:
    """The formulas between delimiters in an extracted text."""
    matches = _ALL.finditer(text)
    return Counter(bare(next(group for group in match.groups() if group)) for match in matches)


def measure(folder: Path) -> None:
    """Prints the share of formulas kept, by extractor and kind of page."""
    with gzip.open(folder / "gold.jsonl.gz", "rt", encoding="utf-8") as file:
        gold = {line["sha1"]: line["text"] for line in map(json.loads, file) if line["source"] == GOLD}
    found: Counter[tuple[str, str, str]] = Counter()
    holding, seconds, agree, compared = Counter[str](), 0.0, 0, 0
    for digest, html in pages(folder):
        everything = sources(html)
        if not everything:
            continue
        began = time.perf_counter()
        changed = with_formulas(html)
        seconds += time.perf_counter() - began
        before = {name: extract(html, "", Wishes()) for name, extract in EXTRACTORS.items()}
        kind = "gold" if digest in gold else "other"
        if kind == "gold":
            flat = "".join(gold[digest].split())
            inside = [source for source in everything if source.latex in flat]
        else:
            inside = [s for s in everything if any(kept_words(s.around, text) for text in before.values())]
        if not inside:
            continue
        holding[kind] += 1
        wanted = Counter(source.latex for source in inside)
        for name, extract in EXTRACTORS.items():
            here = Counter(s.latex for s in inside if kind == "gold" or kept_words(s.around, before[name]))
            found[kind, name, "all"] += here.total()
            found[kind, name, "before"] += (delimited(before[name]) & here).total()
            after = delimited(extract(changed, "", Wishes()))
            found[kind, name, "after"] += (after & here).total()
            found[kind, name, "twice"] += sum(
                max(0, after[one] - everything_of(everything, one)) for one in wanted
            )
        same, all_ = converted(html)
        agree, compared = agree + same, compared + all_
    print(f"{'pages':<8} {'extractor':<12} {'formulas':>9} {'before':>8} {'after':>8} {'repeated':>9}")
    for kind in holding:
        for name in EXTRACTORS:
            row = {key: found[kind, name, key] for key in ("all", "before", "after", "twice")}
            shares = [row[key] / max(1, row["all"]) for key in ("before", "after")]
            print(
                f"{kind:<8} {name:<12} {row['all']:>9} {shares[0]:>8.3f} {shares[1]:>8.3f} {row['twice']:>9}"
            )
    print(f"pages: {dict(holding)}; with_formulas took {1000 * seconds:.0f} ms on them")
    print(
        f"MathML converted as its TeX annotation says: {agree} of {compared} ({agree / max(1, compared):.3f})"
    )


def everything_of(all_sources: list[Source], latex: str) -> int:
    """How often a formula stands in the page."""
    return sum(source.latex == latex for source in all_sources)


_SAME = {
    "\\left": "", "\\right": "", "\\,": "", "\\;": "", "\\:": "", "\\!": "", "\\quad": "", "\\qquad": "", "~": "",
    "{": "", "}": "", "\\displaystyle": "", "\\limits": "", "\\nolimits": "", "\\dfrac": "\\frac", "\\tfrac": "\\frac",
    "\\to": "\\rightarrow", "\\le": "\\leq", "\\ge": "\\geq", "\\ne": "\\neq", "\\dots": "\\ldots", "\\ ": "",
    "\\mathrm": "", "\\text": "", "\\textrm": "", "\\operatorname": "", "\\rm": "", "\\mathsf": "", "\\textbf": "",
    "\\mbox": "", "\\boldsymbol": "\\mathbf", "\\bf": "\\mathbf", "\\lbrace": "\\{", "\\rbrace": "\\}", "\\vert": "|",
    "\\mid": "|", "\\lvert": "|", "\\rvert": "|", "\\prime": "'", "\\iff": "\\Longleftrightarrow", "\\cdotp": "\\cdot",
    "\\implies": "\\Longrightarrow", "\\overline": "\\bar", "\\widehat": "\\hat", "\\widetilde": "\\tilde",
    "\\big": "", "\\Big": "", "\\bigg": "", "\\Bigg": "", "\\bigl": "", "\\bigr": "", "\\Bigl": "", "\\Bigr": "",
    "\\lVert": "\\|", "\\rVert": "\\|", "\\Vert": "\\|", "\\land": "\\wedge", "\\lor": "\\vee", "\\lnot": "\\neg",
    "\\gets": "\\leftarrow", "\\colon": ":", "\\coloneqq": ":=", "\\lbrack": "[", "\\rbrack": "]", "*": "\\ast",
    "\\mathit": "", "\\texttt": "", "\\mathtt": "", "\\scriptstyle": "", "\\textstyle": "", "\\mathop": "",
}  # fmt: skip
_SETTING = re2.compile(r"\\(?:begin|end)\{(?:aligned|gathered|align|split)\*?\}|\\(?:small|mathclap|cal\b)")
_TOKEN = re2.compile(r"\\[A-Za-z]+|\\.|\S")


def canonical(latex: str) -> list[str]:
    """The symbols of a formula, without what only sets it: spaces, sizes, braces, upright letters."""
    plain = _SETTING.sub("", latex).replace("\\operatorname*", "")
    tokens = (_SAME.get(token, token) for token in _TOKEN.findall(plain))
    return sorted(filter(None, tokens))  # the order of a base's scripts is free


def converted(html: str) -> tuple[int, int]:
    """How many MathML elements with a TeX annotation convert to the same symbols, and how many there are."""
    root = lxml_html.document_fromstring(html.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    same = compared = 0
    for math in root.iter("math"):
        notes = [note for note in math.iter("annotation") if "tex" in (note.get("encoding") or "")]
        if len(notes) != 1 or not notes[0].text:
            continue
        wanted = canonical(notes[0].text)
        notes[0].getparent().remove(notes[0])
        compared += 1
        latex = mathml_to_latex(etree.tostring(math, encoding="unicode", with_tail=False))
        same += canonical(latex) == wanted
    return same, compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with web/*.warc.gz and web/gold.jsonl.gz")
    measure(parser.parse_args().data / "web")


if __name__ == "__main__":
    main()
