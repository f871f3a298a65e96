"""Formulas in a page's HTML, however they are written, to LaTeX in its text, which every extractor keeps.

What a browser shows as one formula often stands in a page several times (source, MathML, spans that draw it, an image)
and an extractor drops all of them or keeps the wrong one. Here each becomes `$...$`, or `$$...$$` on a line of its own,
and the rest of the page stays as it is, character for character.

Sources: MathML, its TeX annotation first; KaTeX; MathJax 2 and 3; Wikipedia; LaTeXML; JATS; images that carry their TeX
in the alternative text or the address; attributes such as `data-tex`. TeX between delimiters in the text is left as it
is; when it is displayed it gets a line of its own. Code and preformatted text are not looked at.
"""

from __future__ import annotations

import html as entities
from bisect import bisect_left
from typing import NamedTuple

import re2

from pipeline.extraction import tex
from pipeline.extraction.markup import RAW, Markup, attributes, scan
from pipeline.extraction.mathml import mathml_to_latex

_DELIMITERS = r"\$\$|\\\[|\\begin\{"
_ELEMENTS = (
    r"(?i)<(?:\w+:)?math[\s>/]|type=[\"']?math/|katex|mathjax|mjx-container|mwe-math|<tex-math"
    r"|class=[\"']?(?:latex|tex|math)[\"'\s>]|ql-img|codecogs\.com|latex\.php|\.latex\?|(?:mime|math)tex|cht=tx|equation\?tex"
    r"|/render/math|upmath\.me|data-(?:tex|latex|mathml|math|formula|entry|equation-content)=|alt=[\"']?(?:\$|\\[(\[]|latex:)"
)
_MARKS = re2.compile(f"{_ELEMENTS}|{_DELIMITERS}")
_ELEMENT = re2.compile(_ELEMENTS)
_TEXT = re2.compile(f"(?i)(<(?:script|style))|(</(?:script|style))|{_DELIMITERS}")
_UNTOUCHED = (RAW - {"script"}) | {"pre", "code", "samp", "kbd"}
_SOURCES = frozenset({"math", "script", "img", "tex-math", "formula"})
_RENDERED = ("MathJax", "mjx-chtml", "MJXc-display")  # how classes of MathJax 2's output begin
_WRAPPERS = ("katex", "mwe-math-element")
_DATA = ("data-tex", "data-latex", "data-math", "data-formula", "data-entry")
_DATA_CLASSES = frozenset({"math", "maths", "tex", "latex", "katex", "mathjax", "formula", "equation"})
_HINTS = ("ath", "tex", "formula", "equation", "mjx", "MJX")
_IMAGE_HINTS = (
    "tex",
    "math",
    "formula",
    "equation",
    "codecogs",
    "ql-img",
    'alt="$',
    'alt="\\',
    "upmath",
    "cht=tx",
)
_IMAGE_CLASSES = frozenset({"latex", "tex", "math", "equation_image"})
_IMAGE_CLASS_STARTS = ("mwe-math-fallback-image", "ql-img")
_ADDRESSES = ("src", "data-src", "data-lazy-src", "data-original")
_MOST_SOURCES = 4  # of one formula
_BLOCKS = frozenset({"p", "div", "center", "dd", "figure", "section"})
_PARAGRAPHS = frozenset({"p", "li", "dd", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_ENVIRONMENT_CHARACTERS = 20_000  # where its end is sought
_ENVIRONMENTS = tuple(
    f"\\begin{{{name}{star}}}"
    for name in ("equation", "align", "gather", "multline", "eqnarray", "alignat", "flalign", "displaymath")
    for star in ("", "*")
)


class _Formula(NamedTuple):
    latex: str
    display: bool
    given: bool  # as TeX, not converted


def with_formulas(html: str) -> str:
    """`html` with every formula as LaTeX text: `$...$` in a line, `$$...$$` between line breaks.

    Linear; a page without formulas costs one search and comes back as it is.
    """
    if not _MARKS.search(html) or (not _ELEMENT.search(html) and not _delimited(html)):
        return html
    return _Page(html).rewritten()


def _delimited(html: str) -> bool:
    """Whether TeX's delimiters stand anywhere but in scripts and styles, where they are other things; `$$` in pairs."""
    inside, single = False, False
    for match in _TEXT.finditer(html):
        opens, closes = match.groups()
        if opens or closes:
            inside = bool(opens)
        elif not inside and (single or match[0] != "$$"):
            return True
        elif not inside:
            single = True
    return False


class _Page:
    """One page on its way: its tags, where formulas may be, and the replacements found so far."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.markup: Markup = scan(html)
        self.tags, self.match = self.markup.tags, self.markup.match
        self.sources = [
            index
            for index, tag in enumerate(self.tags)
            if tag.name in _SOURCES and not tag.closes and self.match[index] != -1
        ]
        self.known: dict[int, _Formula | None] = {}
        self.pieces: list[str] = []
        self.at = 0  # what is before is in `pieces`
        self.after_formula = False  # no text since the last one

    def rewritten(self) -> str:
        """The page with its formulas replaced."""
        index = end = 0
        while index < len(self.tags):
            tag = self.tags[index]
            self._text(end, tag.start, index)
            end = tag.end
            partner = self.match[index]
            if not tag.closes and partner != -1:
                last = partner if tag.name in _UNTOUCHED else self._element(index)
                if last >= index:
                    index, end = last, self.tags[last].end
            index += 1
        self.pieces.append(self.html[self.at :])
        return "".join(self.pieces)

    def _element(self, index: int) -> int:
        """Replaces an element that is a formula; the index of the last tag that is dealt with, -1 if it is none."""
        name = self.tags[index].name
        source = self.html[self.tags[index].start : self.tags[index].end]
        if name in _SOURCES and name != "formula":
            formula = self._source(index)
        elif name in ("mjx-container", "alternatives"):
            formula = self._wrapped(index, 'display="true"' in source)
        elif any(hint in source for hint in _HINTS):
            if self._drawn_for_a_script(index):
                self._replace(index, index, "")
                return self.match[index]
            formula = self._described(index)
        else:
            return -1
        if formula is None:
            return self.match[index] if name in ("math", "script") else -1
        last = self._double(index) if name == "img" else index
        display = formula.display or (name == "img" and self._alone(index, last))
        self._replace(index, last, _shown(formula.latex, display))
        return self.match[last]

    def _replace(self, first: int, last: int, text: str) -> None:
        start, end = self.tags[first].start, self.markup.span(last)[1]
        # Two formulas side by side would read as the delimiters of a displayed one.
        self.pieces += (self.html[self.at : start], " " if self.after_formula and text else "", text)
        self.at, self.after_formula = end, self.after_formula or bool(text)

    def _source(self, index: int) -> _Formula | None:
        """The formula that a source element holds by itself, or None."""
        if index not in self.known:
            self.known[index] = self._read_source(index)
        return self.known[index]

    def _read_source(self, index: int) -> _Formula | None:
        name = self.tags[index].name
        if name == "img":
            return _image(self.html[self.tags[index].start + 1 : self.tags[index].end - 1])
        if name == "math":
            start, end = self.markup.span(index)
            return _mathml(self.html[start:end])
        content = self.markup.content(index)
        if name == "script":
            kind = self.markup.attributes(index).get("type", "").lower().replace(" ", "")
            if kind.startswith("math/mml"):
                return _mathml(content)
            return (
                _given(_character_data(content), "mode=display" in kind)
                if kind.startswith("math/tex")
                else None
            )
        if self.match[index] != index + 1:
            return None  # markup where TeX should be
        # JATS delimits formulas in a line with $$, too.
        formula = _given(tex.of_document(entities.unescape(_character_data(content))), False)
        return formula._replace(display=False) if formula and name == "tex-math" else formula

    def _wrapped(self, index: int, display: bool) -> _Formula | None:
        """The one formula inside an element that stands for a formula: TeX before MathML; None if there are more."""
        at = bisect_left(self.sources, index)
        end = self.match[index]
        found: list[_Formula] = []
        elements = 0
        for source in self.sources[at : at + _MOST_SOURCES]:
            if source > end:
                break
            elements += self.tags[source].name == "math"
            formula = self._source(source)
            if formula:
                found.append(formula)
        if not found or elements > 1:
            return None
        best = next((formula for formula in found if formula.given), found[0])
        return best._replace(display=display or any(formula.display for formula in found))

    def _described(self, index: int) -> _Formula | None:
        """The formula of an element whose class or attributes say that it is one."""
        known = self.markup.attributes(index)
        classes = known.get("class", "")
        if "data-mathml" in known:
            return _mathml(known["data-mathml"])
        if _DATA_CLASSES.intersection(classes.lower().replace("-", " ").replace("_", " ").split()):
            for name in _DATA:
                if known.get(name):
                    return _given(known[name], "block" in classes or "display" in classes)
        tokens = classes.split()
        if any(token.startswith(_WRAPPERS) for token in tokens):
            formula = self._wrapped(index, "katex-display" in tokens)
            start, end = self.markup.span(index) if formula else (0, 0)
            apart = self.html.find("mwe-math-mathml-display", start, end) != -1
            return formula._replace(display=True) if formula and apart else formula
        return None

    def _drawn_for_a_script(self, index: int) -> bool:
        """Whether MathJax 2 drew this element for the TeX in a script right after it, its preview and its frame."""
        for _ in range(3):
            if self.match[index] <= index or not self._is_rendered(index):
                return False
            after = self.match[index] + 1
            if after >= len(self.tags):
                return False
            between = self.html[self.tags[after - 1].end : self.tags[after].start]
            if not between.isspace() and between:
                return False
            if self.tags[after].name == "script":
                return self._source(after) is not None
            index = after
        return False

    def _is_rendered(self, index: int) -> bool:
        tag = self.tags[index]
        if tag.closes or not any(mark in self.html[tag.start : tag.end] for mark in _RENDERED):
            return False
        return any(
            token.startswith(_RENDERED) for token in self.markup.attributes(index).get("class", "").split()
        )

    def _double(self, index: int) -> int:
        """The index of a `<noscript>` right after an image that repeats it, else of the image."""
        after = index + 1
        if after < len(self.tags) and self.tags[after].name == "noscript" and self.match[after] > after:
            between = self.html[self.tags[index].end : self.tags[after].start]
            inside = self._wrapped(after, False)
            if inside and inside == self._source(index) and not between.strip():
                return after
        return index

    def _alone(self, index: int, last: int) -> bool:
        """Whether an image is all that its block holds, line breaks aside."""
        after = self.match[last] + 1
        while after < len(self.tags) and self.tags[after].name == "br":
            after += 1
        if index == 0 or after >= len(self.tags):
            return False
        before = self.tags[index - 1]
        if before.closes or before.name not in _BLOCKS or self.match[index - 1] != after:
            return False
        outside = (
            self.html[before.end : self.tags[index].start]
            + self.html[self.markup.span(last)[1] : self.tags[self.match[last] + 1].start]
        )
        return not outside.strip()

    def _text(self, start: int, end: int, index: int) -> None:
        """Gives displayed TeX in the text before tag `index` lines of its own."""
        if end > start:
            self.after_formula = False
        if end - start < 5:
            return
        text = self.html[start:end]
        if ("\\[" not in text and "$$" not in text and "\\begin{" not in text) or "<!" in text:
            return
        before = self.tags[index - 1] if index else None
        for first, last in _displays(text):
            whole = not text[:first].strip() and not text[last:].strip()
            if whole and before and not before.closes and before.name in _PARAGRAPHS:
                return
            self.pieces += (self.html[self.at : start + first], "<br>", text[first:last], "<br>")
            self.at = start + last


def _displays(text: str) -> list[tuple[int, int]]:
    """Where displayed TeX stands in plain text, delimiters included."""
    found: list[tuple[int, int]] = []
    openers = ("$$", "\\[", "\\begin{")
    nearest = {opener: text.find(opener) for opener in openers}
    at = 0
    while True:
        for opener in openers:
            if -1 < nearest[opener] < at:
                nearest[opener] = text.find(opener, at)
        start, opener = min(
            ((place, opener) for opener, place in nearest.items() if place != -1), default=(-1, "")
        )
        if start == -1:
            return found
        end = _display_end(text, start, opener)
        if end == -1:
            nearest[opener] = -1  # it never closes, and so does none after it
            continue
        at = end or start + len(opener)
        if end:
            found.append((start, end))


def _display_end(text: str, start: int, opener: str) -> int:
    """Where displayed TeX that opens at `start` ends; 0 if it is none, -1 if nothing closes it."""
    body = start + len(opener)
    if opener == "\\begin{":
        name = text[body : body + 20].partition("}")[0]
        if f"{opener}{name}}}" not in _ENVIRONMENTS:
            return 0
        closer = f"\\end{{{name}}}"
        end = text.find(closer, body, body + _ENVIRONMENT_CHARACTERS)
        return 0 if end == -1 else end + len(closer)
    if opener == "\\[" and text[start - 1 : start] == "\\":
        return 0  # a line break with a length
    closer = "$$" if opener == "$$" else "\\]"
    end = text.find(closer, body)
    if end == -1:
        return -1
    formula = text[body:end]
    if not formula.strip() or (opener == "$$" and not any(sign in formula for sign in "\\^_={")):
        return 0
    return end + len(closer)


def _shown(latex: str, display: bool) -> str:
    text = entities.escape(latex, quote=False)
    return f"<br>$${text}$$<br>" if display else f"${text}$"


def _given(source: str, display: bool) -> _Formula | None:
    latex, apart = tex.clean(source)
    return _Formula(latex, display or apart, True) if latex else None


def _character_data(source: str) -> str:
    """The content of a CDATA section, however it is hidden from TeX or scripts; other sources as they are."""
    if "<![CDATA[" not in source:
        return source
    return source.partition("<![CDATA[")[2].partition("]]>")[0].rstrip("% \n")


def _mathml(source: str) -> _Formula | None:
    """The formula of a `<math>` element: its TeX annotation, its alternative text if it is TeX, else converted."""
    markup = scan(source)
    first = next(
        (index for index, tag in enumerate(markup.tags) if tag.name == "math" and not tag.closes), None
    )
    if first is None:
        return None
    known = markup.attributes(first)
    display = known.get("display") == "block" or known.get("mode") == "display"
    for index, tag in enumerate(markup.tags):
        if tag.name == "annotation" and not tag.closes and markup.match[index] > index:
            encoding = markup.attributes(index).get("encoding", "").lower()
            given = entities.unescape(_character_data(markup.content(index)))
            if "tex" in encoding and "<" not in encoding and (formula := _given(given, display)):
                return formula
    alternative = known.get("alttext", "")
    if alternative.strip() and tex.like_tex(alternative) and (formula := _given(alternative, display)):
        return formula
    if not any(
        tag.name.startswith("m") and tag.name != "math" for tag in markup.tags
    ):  # TeX, or what is left of it
        ends = [*(tag.start for tag in markup.tags), len(source)]
        text = "".join(source[tag.end : end] for tag, end in zip(markup.tags, ends[1:], strict=True))
        return _given(entities.unescape(text), display)
    latex = mathml_to_latex(source)
    return _Formula(latex, display, False) if latex else None


def _image(source: str) -> _Formula | None:
    """The formula of an `<img>` tag that is said to be one."""
    if not any(hint in source for hint in _IMAGE_HINTS):
        return None
    known = attributes(source)
    alt, classes = known.get("alt", ""), known.get("class", "").split()
    said = any(token in _IMAGE_CLASSES or token.startswith(_IMAGE_CLASS_STARTS) for token in classes)
    said = said or tex.delimited(alt)
    addresses = [known[name] for name in _ADDRESSES if known.get(name)]
    found = known.get("data-equation-content") or tex.of_image(alt if said else "", addresses)
    return _given(found, any("display" in token for token in classes)) if found else None
