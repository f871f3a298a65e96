"""Signatures agree with datasketch, clusters with brute force, and the first document survives."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.minhash import band_keys, signature_of_hashes, signatures, similarity
from pipeline.dedup.normal import normal_form
from pipeline.dedup.settings import MinHashSettings

FINEWEB = MinHashSettings()


def normal(text: str) -> str:
    return str(normal_form(pa.array([text]))[0].as_py())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", "hello world"),
        ("  Über\n\tcafé 1,234.5 and 42x ", "uber cafe 0 and 0x"),
        ("北京 2024年", "北 京 0 年"),
        ("... --- ...", ""),
        ("", ""),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert normal(text) == expected


@settings(max_examples=40, deadline=None)
@given(
    hashes=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50),
    shape=st.sampled_from([(14, 8), (1, 1), (20, 13)]),
    seed=st.integers(0, 5),
)
def test_signatures_equal_datasketch(hashes: list[int], shape: tuple[int, int], seed: int) -> None:
    chosen = MinHashSettings(bands=shape[0], rows=shape[1], seed=seed)
    theirs = MinHash(num_perm=shape[0] * shape[1], seed=seed, scheme="affine32", hashfunc=lambda value: value)
    for value in hashes:
        theirs.update(value)
    ours = signature_of_hashes(np.array(hashes, dtype=np.uint32), chosen)
    assert (ours == theirs.hashvalues).all()


def test_signature_depends_on_the_set_of_ngrams_alone() -> None:
    words = [f"w{chr(97 + n)}" for n in range(12)]
    text = " ".join(words)
    again = " ".join(words + words[:4])  # the 5-grams that wrap around are new, the others repeat
    batch = pa.array([text, text.upper(), again, ""], pa.large_string())
    rows = signatures(normal_form(batch), FINEWEB)
    assert (rows[0] == rows[1]).all()
    assert similarity(rows[:1], rows[2:3])[0] < 1
    assert (rows[3] == 0xFFFFFFFF).all()
    alone = signatures(normal_form(batch.slice(2, 1)), FINEWEB)
    assert (alone[0] == rows[2]).all()


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@pytest.mark.parametrize(("start", "length"), [(0, 4), (1, 2), (2, 2), (3, 1), (4, 0)])
def test_a_slice_has_the_signatures_of_its_rows(kind: pa.DataType, start: int, length: int) -> None:
    texts = pa.array(["a b c d e f", "hello there my good friend", "x y z w v u t", ""], kind)
    whole = signatures(texts, FINEWEB)
    part = signatures(texts.slice(start, length), FINEWEB)
    assert (part == whole[start : start + length]).all()
    chunks = pa.chunked_array([texts.slice(start, length), texts.slice(0, 1)])
    assert (signatures(chunks, FINEWEB) == np.concatenate([part, whole[:1]])).all()


def _ngrams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def test_similarity_estimates_jaccard() -> None:
    draw = random.Random(3)
    vocabulary = ["".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(3000)]
    settings_ = MinHashSettings(bands=32, rows=16)
    errors = []
    for changed in (0, 2, 5, 10, 30):
        one = draw.choices(vocabulary, k=400)
        other = list(one)
        for position in draw.sample(range(400), changed):
            other[position] = draw.choice(vocabulary)
        rows = signatures(pa.array([" ".join(one), " ".join(other)], pa.large_string()), settings_)
        true = len(_ngrams(one) & _ngrams(other)) / len(_ngrams(one) | _ngrams(other))
        errors.append(abs(similarity(rows[:1], rows[1:])[0] - true))
    assert max(errors) < 0.08  # three standard errors at 512 rows


def test_bands_meet_exactly_when_their_rows_do() -> None:
    draw = np.random.default_rng(1)
    rows = draw.integers(0, 2, (200, 112), dtype=np.uint32)
    for band in (0, 13):
        keys = band_keys(rows, band, FINEWEB)
        part = rows[:, band * 8 : band * 8 + 8]
        same = (part[:, None] == part[None]).all(axis=2)
        assert ((keys[:, None] == keys[None]) == same).all()
    assert not set(band_keys(rows, 0, FINEWEB).tolist()) & set(band_keys(rows, 1, FINEWEB).tolist())
