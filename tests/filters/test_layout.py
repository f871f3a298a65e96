"""Parts found in code points are those of Python's own string methods."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text import layout

TEXTS = st.lists(st.text(alphabet="ab \n\r\x0b\x1c\x85\u2028\xa0\u3000.é世𝔸", max_size=30), max_size=5)


@pytest.mark.parametrize(
    ("find", "oracle"),
    [
        (layout.chunks, str.split),
        (layout.lines, lambda text: text.split("\n")),
        (layout.split_lines, str.splitlines),
    ],
)
@settings(deadline=None)
@given(texts=TEXTS)
def test_parts_are_those_of_python(
    find: Callable[..., layout.Parts], oracle: Callable[[str], list[str]], texts: list[str]
) -> None:
    codes, bounds = layout.code_points(texts)
    parts = find(codes, bounds)
    joined = "".join(texts)
    cut = [joined[start:end] for start, end in zip(parts.starts, parts.ends, strict=True)]
    by_text = [cut[parts.offsets[i] : parts.offsets[i + 1]] for i in range(len(texts))]
    assert by_text == [oracle(text) for text in texts]
    bare = layout.stripped(codes, parts)
    assert [joined[start:end] for start, end in zip(bare.starts, bare.ends, strict=True)] == [
        part.strip() for part in cut
    ]
    ids, first = layout.numbered(codes, parts)
    seen: dict[str, int] = {}
    assert ids.tolist() == [seen.setdefault(part, len(seen)) for part in cut]
    assert [cut[part] for part in first] == list(seen)


def test_traits_are_those_of_python() -> None:
    table = layout.traits()
    for point in [*range(0x3500), *range(0x10000, 0x11000), 0xD800, 0xE0041, 0x2FA1D, 0x100000, 0x10FFFF]:
        character, found = chr(point), int(table[point])
        category = unicodedata.category(character)
        assert bool(found & layout.SPACE) == character.isspace()
        assert bool(found & layout.LETTER) == character.isalpha()
        assert bool(found & layout.UPPER) == character.isupper()
        assert bool(found & layout.LOWER) == character.islower()
        assert bool(found & layout.NUMERIC) == character.isnumeric()
        assert bool(found & layout.DIGIT) == (category == "Nd")
        assert bool(found & layout.PUNCTUATION) == (category[0] == "P")
        assert bool(found & layout.SYMBOL) == (category[0] == "S")
        assert bool(found & layout.MARK) == (category[0] == "M")
        assert bool(found & layout.CONTROL) == (category[0] == "C")
        assert bool(found & layout.LINE_END) == (len(f"a{character}b".splitlines()) == 2)


def test_totals_by_text() -> None:
    offsets = np.array([0, 2, 2, 5])
    assert layout.total(offsets, np.array([1, 2, 3, 4, 5])).tolist() == [3, 0, 12]
    assert layout.total(offsets, np.array([True, True, False, True, True])).tolist() == [2, 0, 2]
    assert layout.total(offsets, np.array([0.5, 0.5, 1, 1, 1])).tolist() == [1.0, 0.0, 3.0]
