"""The synthetic documents of the scale benchmark: the same bytes again, and a truth that plain Python agrees with."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.synthetic import Asked, Synthetic, generate, vocabulary

ASKED = Asked(documents=3000, words=60, seed=7, shard=700)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic")
    generate(ASKED, out)
    return out


def documents(folder: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("*.parquet"))])


def truth(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(folder / "truth" / "truth.parquet").to_pylist()
    return rows


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall("[a-z]+", text.lower())
    return {tuple(words[first : first + 5]) for first in range(len(words) - 4)}


def jaccard(one: str, other: str) -> float:
    first, second = grams(one), grams(other)
    return len(first & second) / len(first | second)


def test_any_number_of_workers_writes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    generate(ASKED, tmp_path, workers=2)
    names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(names) == 5 + 2
    for name in names:
        assert (made / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_files_are_cut_anywhere(made: Path, tmp_path: Path) -> None:
    generate(ASKED._replace(shard=1100), tmp_path)
    assert documents(tmp_path) == documents(made)
    assert truth(tmp_path) == truth(made)


def test_another_seed_gives_other_documents(made: Path, tmp_path: Path) -> None:
    generate(ASKED._replace(seed=8), tmp_path)
    assert not set(documents(tmp_path)["text"].to_pylist()) & set(documents(made)["text"].to_pylist())


def test_true_similarity_is_that_of_the_texts(made: Path) -> None:
    texts = documents(made)["text"].to_pylist()
    rows = truth(made)
    for row in rows:
        assert row["jaccard"] == jaccard(texts[int(str(row["id"]))], texts[int(str(row["source"]))])
    near = np.array([row["jaccard"] for row in rows if row["kind"] == "near"])
    assert near.min() >= 0.5
    assert near.max() < 1
    counts, _ = np.histogram(near, bins=np.arange(0.5, 1.01, 0.1))
    assert counts.min() > len(near) / 20
    assert {row["jaccard"] for row in rows if row["kind"] == "exact"} == {1.0}
    assert max(float(str(row["jaccard"])) for row in rows if row["kind"] == "boilerplate") < 0.5


def test_similarity_of_any_pair(made: Path) -> None:
    texts = documents(made)["text"].to_pylist()
    pairs = np.array([[index, (index * 37 + 11) % len(texts)] for index in range(0, len(texts), 10)])
    pairs = np.concatenate([pairs, pairs[:, :1].repeat(2, axis=1)])
    expected = [jaccard(texts[one], texts[other]) for one, other in pairs]
    assert Synthetic(ASKED).jaccard(pairs).tolist() == expected


def test_planted_shares(made: Path) -> None:
    table, rows = documents(made), truth(made)
    total = ASKED.documents
    assert table["id"].to_pylist() == [str(number) for number in range(total)]
    assert len(set(table["url"].to_pylist())) == total
    members: dict[str, set[object]] = {"near": set(), "exact": set(), "boilerplate": set()}
    for row in rows:
        members[str(row["kind"])] |= {row["id"], row["source"]}
    assert {kind: len(found) / total for kind, found in members.items()} == {
        "near": 0.2,
        "exact": 0.1,
        "boilerplate": 0.02,
    }
    texts = table["text"].to_pylist()
    exact = [
        (texts[int(str(row["id"]))], texts[int(str(row["source"]))]) for row in rows if row["kind"] == "exact"
    ]
    equal = sum(one == other for one, other in exact)
    assert len(exact) / 4 < equal < 3 * len(exact) / 4
    places = np.array([row["id"] for row in rows]) / total
    assert abs(places.mean() - 0.5) < 0.05  # copies are spread over all files


def test_slots_and_numbers_are_inverse() -> None:
    for total in (1, 2, 3, 1000, 4097):
        synthetic = Synthetic(Asked(documents=total))
        numbers = np.arange(total)
        slots = synthetic.slots(numbers)
        assert sorted(slots.tolist()) == numbers.tolist()
        assert synthetic.numbers(slots).tolist() == numbers.tolist()


def test_words_are_all_different_and_letters_alone() -> None:
    words = vocabulary()
    assert len(set(words)) == len(words) == 200_000
    assert all(re.fullmatch("[a-z]{2,}", word) for word in words)


def test_a_folder_of_other_documents_is_left_alone(made: Path) -> None:
    before = (made / "synthetic.json").read_bytes()
    with pytest.raises(SystemExit, match="holds other documents"):
        generate(ASKED._replace(seed=9), made)
    assert (made / "synthetic.json").read_bytes() == before
