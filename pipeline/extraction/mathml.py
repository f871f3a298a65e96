"""Presentation MathML (MathML 3, chapter 3) to LaTeX, element by element.

The result uses amsmath and amssymb. Operators in infix position have a space on both sides, scripts of one token have
no braces: `x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}`.
"""

from __future__ import annotations

import html as entities
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from pipeline.extraction.markup import Markup, attributes, scan
from pipeline.extraction.math_symbols import (
    BARS,
    BINARY,
    CLOSING,
    EXTENSIBLE,
    FUNCTIONS,
    INVISIBLE,
    LARGE,
    LIMITS,
    OPENING,
    RELATIONS,
    SYMBOLS,
    accent,
    joined,
    plain,
    symbols,
    under,
    variant,
    words,
)

MOST_DEPTH = 60  # beyond it an element is its text
_LEAVES = ("mi", "mn", "mo", "mtext", "ms")
_ANNOTATIONS = ("annotation", "annotation-xml")
_ROWS = words("mrow mstyle mpadded merror math semantics maction mtd texatom")
_BLANKS = {ord(blank): " " for blank in "\t\n\r\f"}
_TALL = words("mfrac munder mover munderover mtable mroot")
_MATRICES = {
    ("(", ")"): "pmatrix",
    ("[", "]"): "bmatrix",
    ("\\{", "\\}"): "Bmatrix",
    ("|", "|"): "vmatrix",
    ("\\|", "\\|"): "Vmatrix",
}
_SPACES = ((2.0, "\\qquad"), (0.9, "\\quad"), (0.27, "\\;"), (0.2, "\\:"), (0.05, "\\,"))
_NAMED_SPACES = {
    "thinmathspace": 0.167,
    "mediummathspace": 0.222,
    "thickmathspace": 0.278,
    "verythickmathspace": 0.333,
    "veryverythickmathspace": 0.389,
}
_UNITS = {
    "em": 1.0,
    "ex": 0.45,
    "px": 1 / 16,
    "pt": 0.1,
    "": 0.0,
    "cm": 2.8,
    "mm": 0.28,
    "in": 7.2,
    "mu": 1 / 18,
}
_NOTATIONS = {
    "box": "boxed",
    "roundedbox": "boxed",
    "top": "overline",
    "bottom": "underline",
    "radical": "sqrt",
}
_BARE = frozenset(".,;:!?()+-=/")
_ESCAPED = {character: f"\\{character}" for character in "{}$&#_%"} | {
    "\\": "\\textbackslash{}",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
}
_SCRIPTED = words("msub msup msubsup mmultiscripts")
_STRIKES = ("updiagonalstrike", "downdiagonalstrike", "horizontalstrike", "verticalstrike")


@dataclass(slots=True)
class _Node:
    name: str
    source: str = ""  # of the start tag, without its angle brackets
    children: list[_Node] = field(default_factory=list)
    text: str = ""  # of a leaf
    tall: bool = False  # holds something higher than a line

    def get(self, name: str) -> str:
        return attributes(self.source).get(name, "") if name in self.source.lower() else ""


def mathml_to_latex(source: str) -> str:
    """LaTeX of one `<math>` element, or of the presentation elements in `source`; empty where it shows nothing.

    Markup that makes no sense is read as the row of its parts, and beyond a depth of 60 as its text. Cost: linear.
    """
    return _row(_parse(source).children, False).strip()


def _parse(source: str) -> _Node:
    markup = scan(source)
    root = _Node("mrow")
    path, ends = [root], [-1]
    at = 0
    for index, tag in enumerate(markup.tags):
        _text(path[-1], markup, at, tag.start)
        at = tag.end
        if tag.closes:
            if index in ends:  # of an outer element: those inside end with it
                depth = ends.index(index)
                del path[depth:], ends[depth:]
            continue
        node = _Node(tag.name, source[tag.start + 1 : tag.end - 1], tall=tag.name in _TALL)
        if node.tall:
            _raise(path)
        if len(path) <= MOST_DEPTH:
            path[-1].children.append(node)
            if markup.match[index] > index:
                path.append(node)
                ends.append(markup.match[index])
    _text(path[-1], markup, at, len(source))
    return root


def _raise(path: list[_Node]) -> None:
    for node in reversed(path):
        if node.tall:
            break
        node.tall = True


def _text(parent: _Node, markup: Markup, start: int, end: int) -> None:
    source = markup.html[start:end]
    if "<!" in source:
        source = _without_comments(source)
    # White space in MathML is ASCII's; a no-break space is meant.
    text = " ".join(part for part in entities.unescape(source).translate(_BLANKS).split(" ") if part)
    if not text:
        return
    if parent.name in _LEAVES:
        parent.text += text
    elif parent.name not in _ANNOTATIONS:
        parent.children.append(_Node("mi" if len(text) == 1 else "mtext", text=text))


def _without_comments(source: str) -> str:
    pieces, at = [], 0
    while (start := source.find("<!", at)) != -1:
        pieces.append(source[at:start])
        if source.startswith("<![CDATA[", start):
            end = source.find("]]>", start)
            pieces.append(entities.escape(source[start + 9 : end if end != -1 else len(source)]))
        else:
            end = source.find("-->", start)
        at = len(source) if end == -1 else end + 3
    return "".join(pieces) + source[at:]


class _Item(NamedTuple):
    """A piece of a row and its kind: `ord`, `bin`, `rel`, `open`, `close`, `punct`, `fun`, `space`."""

    latex: str
    kind: str = "ord"


def _row(nodes: list[_Node], tight: bool) -> str:
    """Nodes side by side; `tight` (in scripts) without spaces around operators."""
    return _spaced(_items(nodes, tight), tight)


def _items(nodes: list[_Node], tight: bool) -> list[_Item]:
    items: list[_Item] = []
    pairs = _pairs(nodes)
    ends = {close: opens for opens, close in pairs.items()}
    tall = [0, *accumulate(node.tall for node in nodes)]
    at = 0
    while at < len(nodes):
        close = pairs.get(at)
        made = _bracketed(nodes, at, close, tight)
        if made:
            items.append(made)
            at = len(nodes) if close is None else close + 1
            continue
        if close is not None or at in ends:
            first, last = (at, close) if close is not None else (ends[at], at)
            side = ("left", "open") if close is not None else ("right", "close")
            grows = tall[last] > tall[first]
            items.append(_Item(f"\\{side[0]}{_fence(nodes[at])}" if grows else _fence(nodes[at]), side[1]))
        else:
            items.append(_item(nodes[at], tight))
        at += 1
    return items


def _spaced(items: list[_Item], tight: bool) -> str:
    pieces: list[str] = []
    before = "open"
    for number, (latex, kind) in enumerate(items):
        if not latex:
            continue
        last = number == len(items) - 1
        if kind == "bin" and before in ("open", "bin", "rel", "punct", "fun", "space"):
            kind = "ord"  # a sign
        if kind in ("bin", "rel") and not tight and not last:
            pieces += [latex, " "] if not pieces or pieces[-1] == " " else [" ", latex, " "]
        elif kind == "punct" and not tight and not last:
            pieces += [latex, " "]
        elif before == "fun" and latex[0].isalnum():
            pieces += [" ", latex]
        else:
            pieces.append(latex)
        before = kind
    return joined(pieces)


def _inner(node: _Node) -> _Node:
    """The node inside elements that only group."""
    while node.name in _ROWS:
        shown = [child for child in node.children if child.name not in _ANNOTATIONS]
        if len(shown) != 1:
            break
        node = shown[0]
    return node


def _pairs(nodes: list[_Node]) -> dict[int, int]:
    """Indices of fences that belong together: brackets as they nest, and bars two by two.

    An odd number of bars inside the same brackets fences nothing: one of them divides, as in `P(a|b)`.
    """
    found: dict[int, int] = {}
    waiting: list[int] = []
    bars: dict[int, list[int]] = {}  # by the bracket that they stand in
    for index, node in enumerate(nodes):
        if node.name != "mo":
            continue
        if node.text in OPENING:
            waiting.append(index)
        elif node.text in CLOSING and waiting:
            found[waiting.pop()] = index
        elif node.text in BARS:
            bars.setdefault(waiting[-1] if waiting else -1, []).append(index)
    for places in bars.values():
        if len(places) % 2 == 0:
            found |= dict(zip(places[::2], places[1::2], strict=True))
    return found


def _fence(node: _Node) -> str:
    return OPENING.get(node.text) or CLOSING.get(node.text) or BARS.get(node.text) or symbols(node.text)


def _bracketed(nodes: list[_Node], at: int, close: int | None, tight: bool) -> _Item | None:
    """Brackets around a table or a fraction without a bar: a matrix, cases, a binomial coefficient; None if not so."""
    first = nodes[at]
    if close is None:
        if first.name != "mo" or first.text != "{" or len(nodes) - at > 3:
            return None
        inside = [node for node in nodes[at + 1 :] if not _closes_nothing(node)]
    else:
        inside = nodes[at + 1 : at + 2] if close == at + 2 else []
    if len(inside) != 1:
        return None
    node = _inner(inside[0])
    if node.name == "mtable":
        if close is None:
            return _Item(_table(node, "cases", tight))
        matrix = _MATRICES.get((_fence(nodes[at]), _fence(nodes[close])))
        return _Item(_table(node, matrix, tight)) if matrix else None
    if close is not None and _barless(node) and _fence(nodes[at]) == "(" and len(node.children) == 2:
        return _Item("\\binom" + "".join(f"{{{_one(child, tight)}}}" for child in node.children))
    return None


def _closes_nothing(node: _Node) -> bool:
    return node.name == "mo" and not node.text.strip("".join(INVISIBLE))


def _barless(node: _Node) -> bool:
    return node.name == "mfrac" and node.get("linethickness").strip("pxemt ") in ("0", "0.0")


def _item(node: _Node, tight: bool) -> _Item:
    """One element of a row."""
    if node.name in _LEAVES:
        return _leaf(node)
    if node.name in _ROWS:
        return _group(node, tight)
    if node.name in _ANNOTATIONS:
        return _Item("")
    made = _ELEMENTS.get(node.name)
    return _Item(_row(node.children, tight)) if made is None else made(node, tight)


def _group(node: _Node, tight: bool) -> _Item:
    if node.name == "semantics":
        return _item(node.children[0], tight) if node.children else _Item("")
    if node.name == "maction":
        return _item(node.children[0], tight) if node.children else _Item("")
    items = [item for item in _items(node.children, tight) if item.latex]
    return items[0] if len(items) == 1 else _Item(_spaced(items, tight))


def _leaf(node: _Node) -> _Item:
    if node.children:  # markup inside a token
        return _Item(_row([_Node(node.name, node.source, text=node.text), *node.children], False))
    if node.name == "mo":
        return _operator(node.text)
    if node.name in ("mtext", "ms"):
        return _Item(_quoted(node.text))
    if node.name == "mn":
        return _Item(_styled(symbols(node.text), node.get("mathvariant") if node.source[2:] else ""))
    return _identifier(node)


def _identifier(node: _Node) -> _Item:
    style = node.get("mathvariant")
    text = node.text.replace(" ", "")
    if text in FUNCTIONS:
        return _Item(f"\\{text}", "fun")
    if len(text) > 1 and all(plain(character)[0].isascii() for character in text) and text.isalnum():
        letters = [plain(character) for character in text]
        if letters[0][1]:
            return _Item(f"\\{letters[0][1]}{{{''.join(letter for letter, _ in letters)}}}")
        if text in LIMITS:
            return _Item(f"\\operatorname{{{text}}}", "fun")
        return _Item(_styled(text, style if style and style != "italic" else "normal"))
    if len(text) > 1 and not text.isascii() and text.isalpha() and not all(c in SYMBOLS for c in text):
        return _Item(_quoted(node.text))
    if style == "normal" and not (text.isascii() and text.isalpha()):
        style = ""
    return _Item(_styled(symbols(text), style))


def _styled(latex: str, style: str) -> str:
    command = variant(style.strip().lower()) if style and latex else None
    if command is None:
        return latex
    if latex.startswith("\\") and command in ("mathbf", "mathrm"):
        command = "boldsymbol" if command == "mathbf" else command
    return f"\\{command}{{{latex}}}"


def _operator(text: str) -> _Item:
    if text in OPENING:
        return _Item(OPENING[text], "open")
    if text in CLOSING:
        return _Item(CLOSING[text], "close")
    if text in RELATIONS:
        return _Item(RELATIONS[text], "rel")
    if text in BINARY:
        return _Item(BINARY[text], "bin")
    if text in LARGE:
        return _Item(LARGE[text], "fun")
    if text in (",", ";"):
        return _Item(text, "punct")
    name = text.replace(" ", "")
    if name in FUNCTIONS:
        return _Item(f"\\{name}", "fun")
    if len(name) > 1 and name.isascii() and name.isalpha():
        return _Item("\\bmod", "bin") if name == "mod" else _Item(f"\\operatorname{{{name}}}", "fun")
    return _Item(symbols(text))


def _quoted(text: str) -> str:
    """Text as `\\text{...}`; punctuation alone and space alone as themselves."""
    shown = "".join(INVISIBLE.get(character, character) for character in text.replace("\u00a0", " "))
    if not shown.strip():
        return "~" if shown else ""
    if shown in _BARE:
        return shown
    return "\\text{" + "".join(_ESCAPED.get(character, character) for character in shown) + "}"


def _space(node: _Node, tight: bool) -> _Item:
    width = node.get("width").strip().lower()
    if node.get("linebreak") == "newline":
        return _Item("\\\\", "space")
    size = _NAMED_SPACES.get(width.removeprefix("negative"))
    if size is None:
        number = width.rstrip("abcdefghijklmnopqrstuvwxyz%")
        size = _number(number) * _UNITS.get(width[len(number) :], 0.0)
    if size < 0 or width.startswith("negative"):
        return _Item("\\!", "space")
    return _Item(next((command for least, command in _SPACES if size >= least), ""), "space")


def _number(text: str) -> float:
    return float(text) if len(text) < 20 and text.replace(".", "", 1).removeprefix("-").isdecimal() else 0.0


def _one(node: _Node, tight: bool) -> str:
    """The LaTeX of one argument."""
    return _item(node, tight).latex


def _part(node: _Node, index: int, tight: bool = True) -> str:
    """The LaTeX of an element's child; empty where it has none."""
    return _one(node.children[index], tight) if index < len(node.children) else ""


def _script(mark: str, latex: str) -> str:
    if not latex:
        return ""
    if mark == "^" and latex.strip("'") == "":
        return latex
    return mark + (latex if _single(latex) else f"{{{latex}}}")


def _single(latex: str) -> bool:
    """Whether LaTeX is one token."""
    return len(latex) == 1 or (latex[:1] == "\\" and latex[1:].isascii() and latex[1:].isalpha())


def _nucleus(node: _Node, tight: bool) -> _Item:
    """What scripts are set on; in braces where they would otherwise belong to a part of it."""
    base = _inner(node.children[0])
    latex, kind = _item(base, tight)
    if not latex:
        return _Item("{}")
    grouped = base.name in _ROWS and kind not in ("fun", "close") and not _fenced(base)
    if base.name in _SCRIPTED or grouped or base.name == "mfrac":
        return _Item(f"{{{latex}}}", kind)
    return _Item(latex, kind)


def _fenced(node: _Node) -> bool:
    return bool(node.children) and _pairs(node.children).get(0) == len(node.children) - 1


def _scripts(node: _Node, tight: bool) -> _Item:
    """msub, msup, msubsup, and limits: under and over as `_` and `^`."""
    if not node.children:
        return _Item("")
    base = _nucleus(node, tight)
    below = _part(node, 1) if node.name in ("msub", "msubsup", "munder", "munderover") else ""
    above = (
        _part(node, {"msup": 1, "mover": 1}.get(node.name, 2)) if node.name not in ("msub", "munder") else ""
    )
    kind = base.kind if base.kind in ("fun", "rel", "bin") else "ord"
    if kind == "fun" and not base.latex.startswith("\\"):
        kind = "ord"
    return _Item(base.latex + _script("_", below) + _script("^", above), kind)


def _over_under(node: _Node, tight: bool) -> _Item:
    """munder, mover, munderover: limits, accents, braces with a label, labelled arrows, or stacked."""
    if not node.children:
        return _Item("")
    base = _one(node.children[0], tight)
    marks = [_inner(child) for child in node.children[1:3]]
    if len(marks) == 1 and (command := _mark(node.name, marks[0], base)):
        return _Item(f"\\{command}{{{base}}}")
    name = base.lstrip("\\").partition("{")[0]
    limits = name in LIMITS or base in LARGE.values() or name in ("overbrace", "underbrace", "operatorname")
    if limits or name.startswith("big"):
        return _scripts(node, tight)
    below = _part(node, 1) if node.name != "mover" else ""
    above = _part(node, 1 if node.name == "mover" else 2) if node.name != "munder" else ""
    if base in EXTENSIBLE:
        return _Item(f"{EXTENSIBLE[base]}{f'[{below}]' if below else ''}{{{above}}}", "rel")
    kind = _item(node.children[0], tight).kind
    out = f"\\underset{{{below}}}{{{base}}}" if below else base
    return _Item(
        f"\\overset{{{above}}}{{{out}}}" if above else out, kind if kind in ("rel", "bin") else "ord"
    )


def _mark(name: str, mark: _Node, base: str) -> str | None:
    """The command of an accent, line or brace over or under `base`, or None."""
    if mark.name not in _LEAVES or not base:
        return None
    if name == "munder":
        return under(mark.text)
    stretchy = mark.get("stretchy")
    wide = stretchy == "true" or (stretchy != "false" and not _single(base))
    return accent(mark.text, wide)


def _fraction(node: _Node, tight: bool) -> _Item:
    if not node.children:
        return _Item("")
    above, below = _part(node, 0, tight), _part(node, 1, tight)
    if _barless(node):
        return _Item(f"{{{above} \\atop {below}}}")
    if node.get("bevelled") == "true":
        return _Item(f"{above}/{below}")
    return _Item(f"\\frac{{{above}}}{{{below}}}")


def _root(node: _Node, tight: bool) -> _Item:
    if node.name == "mroot":
        return _Item(f"\\sqrt[{_part(node, 1)}]{{{_part(node, 0, tight)}}}")
    return _Item(f"\\sqrt{{{_row(node.children, tight)}}}")


def _fenced_list(node: _Node, tight: bool) -> _Item:
    """mfenced: as the row that it abbreviates."""
    known = attributes(node.source)
    separators = "".join(known.get("separators", ",").split())
    row = [_Node("mo", text=known.get("open", "(").strip())]
    for number, child in enumerate(node.children):
        if number and separators:
            row.append(_Node("mo", text=separators[min(number, len(separators)) - 1]))
        row.append(child)
    row.append(_Node("mo", text=known.get("close", ")").strip()))
    return _Item(_row(row, tight))


def _enclosed(node: _Node, tight: bool) -> _Item:
    inside, notation = _row(node.children, tight), (node.get("notation") or "longdiv").split()
    for name, command in _NOTATIONS.items():
        if name in notation:
            return _Item(f"\\{command}{{{inside}}}")
    return _Item(f"\\cancel{{{inside}}}" if set(notation) & set(_STRIKES) else inside)


def _phantom(node: _Node, tight: bool) -> _Item:
    inside = _row(node.children, tight)
    return _Item(f"\\phantom{{{inside}}}" if inside else "")


def _tensor(node: _Node, tight: bool) -> _Item:
    """mmultiscripts: scripts after the base, then those before it."""
    base, *rest = [
        _one(child, True) if child.name not in ("none", "mprescripts") else child.name
        for child in node.children
    ] or [""]
    cut = rest.index("mprescripts") if "mprescripts" in rest else len(rest)
    after, before = rest[:cut], rest[cut + 1 :]

    def pairs(scripts: list[str]) -> str:
        shown = ["" if script == "none" else script for script in scripts]
        return "{}".join(
            _script("_", shown[at]) + _script("^", "".join(shown[at + 1 : at + 2]))
            for at in range(0, len(shown), 2)
        )

    return _Item(("{}" + pairs(before) if before else "") + base + pairs(after))


def _table(node: _Node, environment: str | None, tight: bool) -> str:
    rows, most = [], 0
    for line in node.children:
        cells = line.children if line.name in ("mtr", "mlabeledtr") else [line]
        label = ""
        if line.name == "mlabeledtr" and cells:
            number = _one(cells[0], tight).removeprefix("\\text{").removesuffix("}")
            label, cells = f" \\tag{{{number.strip('()')}}}", cells[1:]
        most = max(most, len(cells))
        rows.append(" & ".join(_one(cell, tight) for cell in cells).strip() + label)
    if not any(rows):
        return ""
    if environment is None:
        if len(rows) == 1 and most <= 1:
            return rows[0]
        aligned = node.get("columnalign").split()[:2] == ["right", "left"]
        environment = "aligned" if aligned else "gathered" if most <= 1 else "matrix"
    return f"\\begin{{{environment}}} " + " \\\\ ".join(rows) + f" \\end{{{environment}}}"


_ELEMENTS: dict[str, Callable[[_Node, bool], _Item]] = {
    "mfrac": _fraction,
    "msqrt": _root,
    "mroot": _root,
    "msub": _scripts,
    "msup": _scripts,
    "msubsup": _scripts,
    "munder": _over_under,
    "mover": _over_under,
    "munderover": _over_under,
    "mmultiscripts": _tensor,
    "mtable": lambda node, tight: _Item(_table(node, None, tight)),
    "mfenced": _fenced_list,
    "menclose": _enclosed,
    "mphantom": _phantom,
    "mspace": _space,
}
