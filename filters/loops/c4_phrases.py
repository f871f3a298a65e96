"""The words that C4's line rules look for, in one pass over a line's characters.

The phrases are compiled into a table of states (Aho and Corasick 1975): one look-up a character for all of them.
Characters are compared as `str.lower` writes them; beyond ASCII only the Kelvin sign becomes an ASCII letter.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from filters.compiled import compiled

Array = np.ndarray[Any, Any]

LOREM_IPSUM, JAVASCRIPT, BRACKET, POLICY = 1, 2, 4, 8
_KELVIN = 0x212A


class Phrases(NamedTuple):
    """The automaton."""

    letters: Array  # uint8 [129]: each ASCII character's column, the last for the Kelvin sign
    states: Array  # int16 [states, columns]: the next state
    found: Array  # uint8 [states]: which phrases end there, as bits


@functools.lru_cache(maxsize=4)
def phrases(policy: tuple[str, ...]) -> Phrases:
    """The automaton for `lorem ipsum`, `javascript`, `{` and the phrases of notices, all ASCII and lower case."""
    wanted = [("lorem ipsum", LOREM_IPSUM), ("javascript", JAVASCRIPT), ("{", BRACKET)]
    wanted += [(phrase, POLICY) for phrase in policy]
    alphabet = sorted(set("".join(phrase for phrase, _ in wanted)))
    starts = sorted({phrase[:end] for phrase, _ in wanted for end in range(len(phrase) + 1)}, key=len)
    number = {start: i for i, start in enumerate(starts)}
    states = np.zeros((len(starts), len(alphabet) + 1), np.int16)
    found = np.zeros(len(starts), np.uint8)
    for start in starts:
        for column, letter in enumerate(alphabet, 1):
            read = start + letter
            while read not in number:
                read = read[1:]
            states[number[start], column] = number[read]
        for phrase, bit in wanted:
            if start.endswith(phrase):
                found[number[start]] |= bit
    letters = np.zeros(129, np.uint8)
    for column, letter in enumerate(alphabet, 1):
        letters[ord(letter)] = letters[ord(letter.upper())] = column
    letters[128] = letters[ord("k")]
    return Phrases(letters, states, found)


@compiled("int64(uint32[::1], int64, int64, uint8[::1], int16[:, ::1], uint8[::1])", bare=True)
def search(codes: Array, start: int, end: int, letters: Array, states: Array, found: Array) -> int:
    """The bits of all phrases in `codes[start:end]`; the last arguments are the fields of `Phrases`."""
    state, bits = np.int64(0), np.uint8(0)
    for i in range(start, end):
        code = codes[i]
        if code < 128:
            state = np.int64(states[state, letters[code]])
        elif code == _KELVIN:
            state = np.int64(states[state, letters[128]])
        else:
            state = np.int64(0)
        bits |= found[state]
    return int(bits)
