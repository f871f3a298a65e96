"""The compiled normal form equals its definition for every code point and real texts; its hashes are published ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.forms import column, form_bytes, forms
from pipeline.dedup.hashes import murmur128, xxh64
from pipeline.dedup.normal import normal_form
from tests.pipeline.real_texts import real_texts

EVERY = [chr(code) for code in itertools.chain(range(0xD800), range(0xE000, 0x110000))]


def written(texts: list[str]) -> list[str]:
    return [form.decode() for form in form_bytes(pa.array(texts, pa.large_string()))]


def defined(texts: list[str]) -> list[str]:
    return normal_form(pa.array(texts, pa.large_string())).to_pylist()


def lines_of(texts: list[str]) -> list[str]:
    """Many short texts as few longer ones."""
    return ["\n".join(texts[at : at + 200]) for at in range(0, len(texts), 200)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello world"),
        ("  Über\n\tcafé 1,234.5 and 42x ", "uber cafe 0 and 0x"),
        ("1,234.5 ٣ ½ Ⅳ 1..2 3., 4.", "0 0 0 0 0 0 0 0"),
        ("1.\u03015 x1.y", "0 x0 y"),
        ("北京 2024年", "北 京 0 年"),
        ("ΟΔΟΣ İstanbul", "οδοσ istanbul"),
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
        ("... --- ...", ""),
        ("", ""),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert defined([text]) == [expected]
    assert written([text]) == [expected]


@pytest.mark.parametrize("pattern", ["{}", "x{}y", "1{}2 {}.5", "\u0301{}\u302e"])
def test_every_code_point_becomes_what_the_definition_says(pattern: str) -> None:
    texts = lines_of([pattern.replace("{}", character) for character in EVERY])
    assert written(texts) == defined(texts)


def test_the_form_of_a_form_is_itself() -> None:
    forms_ = defined(lines_of([f"x{character}1{character}" for character in EVERY]))
    assert written(forms_) == forms_


# Letters, numbers, points, and marks that are kept or deleted, with and without a combining class.
MARKED = "aÀßΣςİı\u212a 0٣½Ⅳ.,-"
MARKED += "\u0301\u0327\u0345\u0334\u302e\u302f\u1b44\U0001d165\U0001d166\u0903\u20dd한ᄀ中ひไ\u0eb5မ်\u102c"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.sampled_from(MARKED), max_size=14), min_size=1, max_size=60))
def test_neighbours_become_what_the_definition_says(texts: list[str]) -> None:
    assert written(texts) == defined(texts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=20))
def test_any_text_becomes_what_the_definition_says(texts: list[str]) -> None:
    assert written(texts) == defined(texts)


def test_real_texts_become_what_the_definition_says(data_dir: Path) -> None:
    texts = real_texts(data_dir, 3, 2)
    assert len(texts) > 1000
    assert written(texts) == defined(texts)


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_shingles_are_those_of_the_form(unit: str, data_dir: Path) -> None:
    texts = [*real_texts(data_dir, 60, 10), "a", "a b", "", "!?", "\u302e\u1b44x \u302e\u1b44x \u1b44\u302e"]
    given_, bounds = forms(pa.array(texts), unit, 3, 10**6)[1:]
    for number, form in enumerate(defined(texts)):
        units: list[str] = (form.split(" ") if form else []) if unit == "words" else list(form)
        width = min(3, len(units))
        ngrams = [tuple(units[at : at + width]) for at in range(len(units) - width + 1)] if units else []
        hashes = given_[bounds[number] : bounds[number + 1]].tolist()
        assert len(hashes) == len(ngrams)
        assert len(set(zip(hashes, ngrams, strict=True))) == len(set(hashes)) == len(set(ngrams))


def test_a_text_is_looked_at_as_far_as_asked_and_hashed_to_its_end() -> None:
    texts = pa.array(["a b c d e f", "a b c d e g", "a b c d"])
    all_of = forms(texts, "words", 3, 100)
    first = forms(texts, "words", 3, 2)
    assert np.diff(all_of.offsets).tolist() == [4, 4, 2]
    assert np.diff(first.offsets).tolist() == [2, 2, 2]
    assert len(np.unique(first.hashes)) == 2
    assert len(np.unique(first.text_hashes, axis=0)) == 3
    assert (first.text_hashes == all_of.text_hashes).all()


def test_text_hashes_are_murmurs_of_the_form_or_of_the_text() -> None:
    texts = ["Übung macht den Meister, 1.000 mal", "…", "?!", "", "a" * 32, "A" * 32]
    found = forms(pa.array(texts), "words", 5, 10).text_hashes
    for form, text, hashes in zip(defined(texts), texts, found.tolist(), strict=True):
        assert murmur((form or text).encode()) == hashes
    assert len({tuple(row) for row in found.tolist()}) == 5


def murmur(data: bytes, seed: int = 0) -> list[int]:
    blocks = np.frombuffer(bytearray(data + bytes(32 - len(data) % 16)), np.uint64)
    out = np.empty(2, np.uint64)
    murmur128(blocks, len(data), np.uint64(seed), out)
    return out.tolist()


def test_murmur_passes_the_authors_verification() -> None:
    """SMHasher's: the hashes of 0 to 255 bytes with falling seeds, hashed together."""
    parts = [murmur(bytes(range(size)), 256 - size) for size in range(256)]
    whole = murmur(np.array(parts, "<u8").tobytes())
    assert whole[0] & 0xFFFFFFFF == 0x6384BA69


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_xxh64_gives_published_values(data: bytes, expected: int) -> None:
    around = np.frombuffer(bytearray(b"xyz" + data + b"q"), np.uint8)
    assert int(xxh64(around, 3, 3 + len(data))) == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@pytest.mark.parametrize(("start", "length"), [(0, 5), (1, 2), (3, 2), (4, 1), (5, 0)])
def test_slices_nulls_and_chunks(kind: pa.DataType, start: int, length: int) -> None:
    texts = pa.array(["a b c d e f", "hello there my good friend", None, "x \u302e\u1b44 u t", ""], kind)
    whole = forms(texts, "words", 2, 10)
    part = forms(texts.slice(start, length), "words", 2, 10)
    end = start + length
    assert (part.text_hashes == whole.text_hashes[start:end]).all()
    assert (part.hashes == whole.hashes[whole.offsets[start] : whole.offsets[end]]).all()
    assert (part.offsets == whole.offsets[start : end + 1] - whole.offsets[start]).all()
    chunks = forms(pa.chunked_array([texts.slice(start, length), texts.slice(0, 1)]), "words", 2, 10)
    assert (chunks.text_hashes[:length] == part.text_hashes).all()
    assert column(pa.chunked_array([texts]))[0].null_count == 0


def test_bytes_that_are_no_text_do_no_harm() -> None:
    broken = [b"\xff\xff", b"\xf7\xbf\xbf\xbf", b"abc\xe4", b"\xe4\xb8", b"\x80\x80x", b"\xf4\x90\x80\x80"]
    array = pa.array(broken, pa.binary()).view(pa.string())
    assert forms(array, "characters", 2, 10).text_hashes.shape == (6, 2)
