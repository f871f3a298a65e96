"""The rules of spaCy's English tokenizer as tables for compiled loops.

The classes of characters are those that spaCy's own patterns are made of (`spacy.lang.char_classes`), so they follow
the installed version; what is done with them is written in `affixes`. The tests compare both with the tokenizer's
patterns.

One rule of spaCy's looks at neighbouring words. Special cases that affix splitting would break, such as `:)`, are put
together again wherever their pieces stand in a row. Where a special case is exactly its pieces (`it` `'s`), that
changes nothing. `joints` are the first two pieces of the others: a chunk where a pair of words is one of
them is left to spaCy.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from filters.text.spacy_english.strings import packed

Array = np.ndarray[Any, Any]

# Classes of a code point, as bits.
PREFIX = 1  # cut off at the beginning on its own
SUFFIX = 2  # cut off at the end on its own
CUT = 4  # cut out wherever it stands: icons and the ellipsis
LETTER = 8  # spaCy's ALPHA
BEFORE_STOP = 16  # a full stop after it is cut off
UPPER = 32  # spaCy's ALPHA_UPPER: two of them before a full stop, and it is cut off
STOP_LEFT = 64  # a full stop between these two is cut out
STOP_RIGHT = 128
LOWER = 256  # spaCy's ALPHA_LOWER: the last part of a host name
HOST = 512  # begins and ends a part of a host name
SCHEME = 1024  # of the scheme of an address
DECIMAL = 2048  # Unicode category Nd
PLAIN = 4096  # has no part in any rule but those of special cases
UNIT_END = 8192  # ends a unit or a currency

_ASSIGNED = ((0, 0x33480), (0xE0000, 0xE01F0))
_IN_RULES = "0123456789.+-*^,~–—:<>=/$'’"


# Where the places of the tables stand at the beginning of `Tables.rules`.
SPECIALS = 0  # the set of special cases
PIECES = 1  # for each special case the first of its pieces, and one more
PIECE_ENDS = 2  # the end of each piece, from the special case's beginning
UNITS = 3  # the set of units and currencies, which are cut off after a digit
JOINTS = 4  # the set of joints: two pieces joined
JOINT_CUTS = 5  # for each joint the length of its first piece; 0: any
JOINT_MARKS = 6  # a bit for every two characters that meet in a joint
_PLACES = 7


class Tables(NamedTuple):
    """All tables of the English rules."""

    classes: Array  # uint16 [0x110000]
    rules: Array  # int64


def _classes() -> Array:
    from spacy.lang import char_classes as spacys

    listed = _singles([*spacys.LIST_PUNCT, "…", *spacys.LIST_QUOTES, "—", "–"]) + spacys.CONCAT_ICONS
    patterns = {
        PREFIX: f"[{listed}{_singles(['§', '%', '=', *spacys.LIST_CURRENCY])}]",
        SUFFIX: f"[{listed}]",
        CUT: f"[…{spacys.CONCAT_ICONS}]",
        LETTER: f"[{spacys.ALPHA}]",
        BEFORE_STOP: rf"[0-9{spacys.ALPHA_LOWER}%²\-\+{spacys.PUNCT}(?:{spacys.CONCAT_QUOTES})]",
        UPPER: f"[{spacys.ALPHA_UPPER}]",
        STOP_LEFT: f"[{spacys.ALPHA_LOWER}{spacys.CONCAT_QUOTES}]",
        STOP_RIGHT: f"[{spacys.ALPHA_UPPER}{spacys.CONCAT_QUOTES}]",
        LOWER: f"[{spacys.ALPHA_LOWER}]",
        HOST: r"[A-Za-z0-9\u00a1-\uffff]",
        SCHEME: r"[\w+\-.]",
        DECIMAL: r"\d",
        UNIT_END: f"[{_singles(sorted({unit[-1] for unit in _units()}))}]",
    }
    table = np.zeros(0x110000, np.uint16)
    for first, last in _ASSIGNED:
        characters = "".join(map(chr, range(first, last)))
        for bit, pattern in patterns.items():
            for match in re.finditer(f"{pattern}+", characters):
                table[first + match.start() : first + match.end()] |= bit
    in_rules = (table & (PREFIX | SUFFIX | CUT)) != 0
    in_rules[[ord(mark) for mark in _IN_RULES]] = True
    table[~in_rules] |= PLAIN
    return table


def _singles(marks: list[str]) -> str:
    """Those marks, as spaCy lists them for patterns, that are one character: the inside of a class."""
    return "".join(re.escape(mark) for mark in map(_literal, marks) if len(mark) == 1)


def _literal(mark: str) -> str:
    return re.sub(r"\\(.)", r"\1", mark)


def _units() -> list[str]:
    from spacy.lang import char_classes as spacys

    return sorted(set(map(_literal, (*spacys.LIST_UNITS, *spacys.LIST_CURRENCY))))


def _pieces(tokenizer: Any) -> dict[str, list[str]]:
    """What affix splitting alone makes of every special case."""
    from spacy.tokenizer import Tokenizer

    bare = Tokenizer(
        tokenizer.vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )
    return {special: [token.text for token in bare(special)] for special in tokenizer.rules}


@functools.lru_cache(maxsize=4)
def broken_specials(pipeline: Any) -> dict[str, list[str]]:
    """The special cases of more than one piece, with their pieces."""
    return {
        special: pieces
        for special, pieces in _pieces(pipeline.tokenizer).items()
        if len(pieces) > 1 and not any(map(str.isspace, special))
    }


@functools.lru_cache(maxsize=4)
def tables(pipeline: Any) -> Tables:
    """The tables of a blank English pipeline; built once a process in some 0.2 s."""
    from spacy.attrs import ORTH

    rules = {
        chunk: [str(piece[ORTH]) for piece in pieces]
        for chunk, pieces in pipeline.tokenizer.rules.items()
        if not any(map(str.isspace, chunk))
    }
    ends = [np.cumsum([len(piece) for piece in pieces]) for pieces in rules.values()]
    cuts = _joints(rules, broken_specials(pipeline))
    contents: dict[int, Sequence[str] | Array] = {
        SPECIALS: list(rules),
        PIECES: np.concatenate([[0], np.cumsum([len(pieces) for pieces in rules.values()])]),
        PIECE_ENDS: np.concatenate(ends),
        UNITS: _units(),
        JOINTS: list(cuts),
        JOINT_CUTS: np.array(list(cuts.values())),
        JOINT_MARKS: _joint_marks(cuts),
    }
    found = [np.zeros(_PLACES, np.int64)]
    for place, content in contents.items():
        at = found[0][place] = sum(map(len, found))
        found.append(content if isinstance(content, np.ndarray) else packed(content, int(at)))
    return Tables(_classes(), np.concatenate(found).astype(np.int64))


def _joints(rules: dict[str, list[str]], broken: dict[str, list[str]]) -> dict[str, int]:
    cuts: dict[str, int] = {}
    for special, pieces in broken.items():
        if pieces != rules[special]:
            joined, cut = pieces[0] + pieces[1], len(pieces[0])
            cuts[joined] = cut if cuts.get(joined, cut) == cut else 0
    return cuts


def _joint_marks(cuts: dict[str, int]) -> Array:
    marks = np.zeros(64, np.int64)
    for joined, cut in cuts.items():
        for at in (cut,) if cut else range(1, len(joined)):
            bit = (ord(joined[at - 1]) * 61 + ord(joined[at])) & 4095
            marks[bit >> 6] |= np.int64(np.uint64(1 << (bit & 63)))
    return marks
