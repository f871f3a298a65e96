"""How spaCy's English tokenizer splits one chunk, a part of a text without white space.

Chunks of letters with plain punctuation around them, nine in ten of the distinct ones, are split here at once, others
by the tokenizer's own patterns in the order in which it tries them, without the documents and lexemes that it makes:
14 us a chunk against 33. Special cases come from its table.

One rule of spaCy's looks across chunks. Special cases such as `:)` that were broken by affix splitting are put
together again over the whole document, longest first, so that a match over a chunk's edge can suppress one inside
it. Texts with such an edge are rare; they are found by the pieces that meet at the edge and split whole.

Splitting one chunk costs its length times its strippable marks. Chunks over `MARKS_TIMES_LENGTH` (rows of several
hundred marks) are split by a linear rule instead: runs of letters and digits, and single marks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

MARKS_TIMES_LENGTH = 32_768

_OPEN = frozenset('("“[')
_CLOSE = frozenset('.,;:?!)"”]')
_NUMERIC = frozenset("0123456789.,/:")
_RUNS = frozenset("-.~/|+^\\")  # marks that spaCy never strips one by one


class ChunkRules:
    """How one chunk is split: the tokenizer's special cases, the plain forms, spaCy for the rest."""

    def __init__(self, pipeline: Any) -> None:
        from spacy.attrs import ORTH

        self._pipeline = pipeline
        tokenizer = pipeline.tokenizer
        self._special = {
            chunk: [str(piece[ORTH]) for piece in pieces] for chunk, pieces in tokenizer.rules.items()
        }
        self._rejoined, self._seams = _rejoined_cases(tokenizer, list(self._special))
        self._rejoined_lengths = sorted({len(special) for special in self._rejoined})
        self._stop_after: dict[str, bool] = {}

    def split_all(self, chunks: list[str]) -> list[tuple[list[str], bool]]:
        """The words of each chunk, and whether its split may depend on its neighbours."""
        with self._pipeline.memory_zone():
            return [self._split(chunk) for chunk in chunks]

    def split_whole(self, line: str) -> list[str]:
        """The words of a line by spaCy itself, without tokens of white space."""
        with self._pipeline.memory_zone():
            words = [token.text for token in self._pipeline.tokenizer(line)]
        return [word for word in words if not word.isspace()]

    def _split(self, chunk: str) -> tuple[list[str], bool]:
        if chunk == " ":
            return [chunk], False
        words = self._plain(chunk)
        if words is not None:
            return words, False
        if len(chunk) > 128 and len(chunk) * _strippable(chunk) > MARKS_TIMES_LENGTH:
            return _linear_split(chunk), False
        words = self._affixes(chunk)
        if not self._has_rejoined(chunk, words):
            return words, False
        words = [token.text for token in self._pipeline.tokenizer(chunk)]
        return words, self._has_rejoined(chunk, words)

    def _affixes(self, chunk: str) -> list[str]:
        """The words of a chunk before special cases are put together again: spaCy's `Tokenizer._split_affixes`.

        A prefix and a suffix are stripped at a time, until the rest is a special case or has none; what is left is a
        special case, an address, or cut at its infixes.
        """
        special, tokenizer = self._special, self._pipeline.tokenizer
        words: list[str] = []
        after: list[str] = []
        rest, length = chunk, 0
        while rest and len(rest) != length and rest not in special:
            length = len(rest)
            start = tokenizer.find_prefix(rest)
            if start and rest[start:] in special:
                words.append(rest[:start])
                rest = rest[start:]
                break
            end = tokenizer.find_suffix(rest[start:])
            if end and rest[:-end] in special:
                after.append(rest[-end:])
                rest = rest[:-end]
                break
            if start:
                words.append(rest[:start])
            if end and (not start or start + end <= length):
                after.append(rest[-end:])
                rest = rest[start:-end]
            else:
                rest = rest[start:]
        if rest:
            words += special.get(rest) or self._infixes(rest)
        return words + after[::-1]

    def _infixes(self, rest: str) -> list[str]:
        tokenizer = self._pipeline.tokenizer
        if tokenizer.url_match(rest):
            return [rest]
        words: list[str] = []
        start = 0
        for match in tokenizer.infix_finditer(rest):
            if match.start() == 0:
                continue
            words += filter(None, (rest[start : match.start()], match[0]))
            start = match.end()
        return [*words, rest[start:]] if rest[start:] else words

    def _has_rejoined(self, chunk: str, words: list[str]) -> bool:
        """Whether some adjacent words make a special case that is put together after affix splitting."""
        starts = [0]
        for word in words:
            starts.append(starts[-1] + len(word))
        ends = set(starts)
        for start in starts:
            for length in self._rejoined_lengths:
                if (
                    start + length in ends
                    and length < len(chunk)
                    and chunk[start : start + length] in self._rejoined
                ):
                    return True
        return False

    def touch(self, left: str, right: str) -> bool:
        """Whether a special case may be matched over the edge between two chunks."""
        for before, after in self._seams.get(left[-1] + right[0], ()):
            if left.endswith(before) and right.startswith(after):
                whole_before = not before[0].isalnum() or not left[: -len(before)][-1:].isalnum()
                whole_after = not after[-1].isalnum() or not right[len(after) :][:1].isalnum()
                if whole_before and whole_after:
                    return True
        return False

    def _plain(self, chunk: str) -> list[str] | None:
        """The words of a chunk of plain form: a word, with an opening mark before and closing marks after it."""
        special = self._special
        words = special.get(chunk)
        if words is not None or chunk.isalpha():
            return words if words is not None else [chunk]
        start, end = int(chunk[0] in _OPEN), len(chunk)
        while end > start and chunk[end - 1] in _CLOSE and end > len(chunk) - 2:
            end -= 1
        core, marks = chunk[start:end], chunk[end:]
        if not core or not self._marks_are_plain(core, marks):
            return None
        for part in (chunk[start:], chunk[:end], *(chunk[start : end + i] for i in range(1, len(marks)))):
            if part in special and part != core:
                return None
        inner = self._core(core, marks)
        if inner is None:
            return None
        return [*chunk[:start], *inner, *marks]

    def _core(self, core: str, marks: str) -> list[str] | None:
        special = self._special.get(core)
        if special is not None:
            return (
                None if marks and (not core.isalpha() or special[-1] + marks[0] in self._special) else special
            )
        if core.isalpha():
            return [core] if len(core) > 1 else None
        if not core.isascii():
            return self._possessive(core)
        if _NUMERIC.issuperset(core):
            return [core] if core[0].isdigit() and core[-1].isdigit() and ".." not in core else None
        if core[-2:] == "'s":
            return self._possessive(core)
        parts = core.split("-")
        if len(parts) > 1 and all(map(str.isalpha, parts)) and len(parts[-1]) > 1:
            if marks and parts[-1] + marks[0] in self._special:
                return None
            return [word for part in parts for word in (part, "-")][:-1]
        return None

    def _possessive(self, core: str) -> list[str] | None:
        owner = core[:-2]
        if core[-2:] in ("'s", "’s") and owner.isalpha() and len(owner) > 1 and owner not in self._special:
            return [owner, core[-2:]]
        return None

    def _marks_are_plain(self, core: str, marks: str) -> bool:
        """Whether each mark is stripped on its own: no ellipsis, no emoticon, and a full stop only where it ends."""
        if not marks:
            return True
        if len(marks) > 1 and (marks[0] == marks[1] or marks[0] in ":;" or marks[1] in ":;"):
            return False
        if marks[0] == ".":
            return core[-1].isdigit() or self._full_stop_after(core)
        return True

    def _full_stop_after(self, core: str) -> bool:
        last = core[-1]
        if last not in self._stop_after:
            self._stop_after[last] = (
                last.isalpha() and self._pipeline.tokenizer.find_suffix("b" + last + ".") == 1
            )
        return self._stop_after[last]


def _rejoined_cases(
    tokenizer: Any, specials: list[str]
) -> tuple[frozenset[str], dict[str, list[tuple[str, str]]]]:
    """The special cases that affix splitting breaks, and the pairs of pieces at which it breaks them.

    The pairs are keyed by the two characters that meet.
    """
    from spacy.tokenizer import Tokenizer

    bare = Tokenizer(
        tokenizer.vocab,
        prefix_search=tokenizer.prefix_search,
        suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer,
        token_match=tokenizer.token_match,
        url_match=tokenizer.url_match,
    )
    rejoined: set[str] = set()
    seams: dict[str, list[tuple[str, str]]] = {}
    for special in specials:
        pieces = [token.text for token in bare(special)]
        if len(pieces) > 1 and not any(map(str.isspace, special)):
            rejoined.add(special)
            for before, after in pairwise(pieces):
                seams.setdefault(before[-1] + after[0], []).append((before, after))
    return frozenset(rejoined), seams


def _strippable(chunk: str) -> int:
    """An upper bound on how many affixes can be stripped from a chunk."""
    start, end = 0, len(chunk)
    while start < end and not chunk[start].isalnum():
        start += 1
    while end > start and (not chunk[end - 1].isalnum() or chunk[end - 1] in "sS"):
        end -= 1
    return len(chunk) - (end - start)


def _linear_split(chunk: str) -> list[str]:
    """Runs of letters and digits, runs of one joining mark, and every other mark on its own."""
    words: list[str] = []
    start = 0
    for i in range(1, len(chunk) + 1):
        if i < len(chunk):
            before, after = chunk[i - 1], chunk[i]
            if (before.isalnum() and after.isalnum()) or (before == after and before in _RUNS):
                continue
        words.append(chunk[start:i])
        start = i
    return words


def chunks_with_spaces(line: str) -> list[str]:
    """The chunks of a line, with one space for every token of white space that the tokenizer makes.

    It makes one where white space between chunks is anything but a single space.
    """
    chunks: list[str] = []
    odd = False  # whether the white space before the next chunk is more than one space
    for piece in line.split(" "):
        parts = piece.split()
        odd = odd or not parts or piece[0].isspace()
        for part in parts:
            if odd:
                chunks.append(" ")
            chunks.append(part)
            odd = True
        if parts:
            odd = piece[-1].isspace()
    if line[len(line.rstrip()) :] not in ("", " "):
        chunks.append(" ")
    return chunks
