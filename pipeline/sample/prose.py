"""What counts as prose: paragraphs of a docstring that a reader would take for running text.

A docstring is split at blank lines and at changes of indentation; a block is prose when it is at least 80
characters of whole sentences, without mark-up, code, addresses or field lists. `Novelty` keeps the first of
every paragraph and refuses one whose word 5-grams were mostly written before (the unit in which MinHash
deduplication sees text), so that pages made of these paragraphs repeat neither themselves nor each other.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

MIN_CHARS = 110
MAX_CHARS = 1500
SHINGLE = 5
"""Words in one shingle of `Novelty`."""

_BLANK = re.compile(r"\n[ \t]*\n")
_WHOLE = re.compile(r"[A-Z](?:[a-z' ,]|[A-Z]).*[a-z0-9)\"'][.!?]\Z|[A-Z].*[.!?][)\"]\Z")
_MARKUP = re.compile(r"[`{}<>|\\*=~^@#\[\]$]|//|--|::|\.\.\.|(?:^|\s):\w+|\b__|\w_\b|\(\w+[,=]\w|\d\.\d+\.\d")
_UNWANTED = re.compile(
    r"\b(?:javascript|lorem ipsum|cookies?|privacy policy|terms of use|copyright|licen[sc]ed?|www|todo|fixme|xxx|noqa"
    r"|param|doctest)\b",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"(?<![\w`])(`{1,2})([\w.]+)\1(?![\w`])")
"""A name set in code type, which a page shows as the name."""
_TERM = re.compile(r"[\w.*]+(?:, [\w.*]+)*(?: ?\([^)]*\))? ?:(?: .*)?\Z")
"""A line that introduces an indented description: `axis : int, optional`, `Returns:`."""
_UNDERLINE = re.compile(r"[-=~^]{3,}\Z")
_PUNCTUATION = re.compile(r"[^\w\s]")
_WORD = re.compile(r"\w+")


def paragraphs(docstring: str) -> Iterator[str]:
    """The prose paragraphs of one docstring, reflowed to a line each, in order."""
    for block in _BLANK.split(docstring.expandtabs()):
        for lines in _runs(block):
            text = " ".join(" ".join(lines).split()).replace(" -- ", " – ")
            text = _LITERAL.sub(r"\2", text)
            if is_prose(text):
                yield text


def is_prose(text: str) -> bool:
    """Whether one line of text is whole sentences that a reader would take for running text."""
    if not MIN_CHARS <= len(text) <= MAX_CHARS or not _WHOLE.match(text):
        return False
    if _MARKUP.search(text) or _UNWANTED.search(text):
        return False
    if text.count("(") != text.count(")") or text.count('"') % 2:
        return False
    words = text.split()
    plain = sum(1 for word in words if word.strip(".,;:()\"'!?").replace("-", "").replace("'", "").isalpha())
    shouted = sum(1 for word in words if len(word) > 3 and word.isupper())
    # Gopher counts punctuation marks as words and wants four fifths of all words to hold a letter
    marks = len(_PUNCTUATION.findall(text))
    return plain >= 0.87 * len(words) and shouted <= 0.1 * len(words) and marks <= 0.2 * (len(words) + marks)


def _runs(block: str) -> Iterator[list[str]]:
    """Runs of equally indented lines; a hanging continuation of the run before it is no paragraph of its own."""
    run: list[str] = []
    indent, hanging = -1, False
    for line in block.split("\n"):
        text = line.strip()
        if not text:
            continue
        if _UNDERLINE.match(text):  # the run so far was a heading
            run = []
            continue
        depth = len(line) - len(line.lstrip())
        if run and depth != indent:
            if not hanging:
                yield run
            hanging = depth > indent and not _TERM.match(run[-1])
            run = []
        indent = depth
        run.append(text)
    if run and not hanging:
        yield run


class Novelty:
    """Remembers the shingles of accepted paragraphs; `accept` is False for a repetition."""

    def __init__(self, share: float = 0.35) -> None:
        self._share = share
        self._shingles: set[int] = set()

    def accept(self, text: str) -> bool:
        """Whether at most `share` of the paragraph's 5-grams were seen; an accepted paragraph is remembered."""
        words = _WORD.findall(text.lower())
        spans = range(max(1, len(words) - SHINGLE + 1))
        marks = {zlib.crc32(" ".join(words[at : at + SHINGLE]).encode()) for at in spans}
        if len(marks & self._shingles) > self._share * len(marks):
            return False
        self._shingles |= marks
        return True
