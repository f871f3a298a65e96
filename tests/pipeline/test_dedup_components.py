"""Keys to groups, groups to removed documents and components: against brute force, in any order."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup import runs
from pipeline.dedup.array_file import ArrayFile, write_arrays
from pipeline.dedup.components import ALONE, MEMBER, Fates
from pipeline.dedup.grouping import Groups, groups_of
from pipeline.dedup.ragged import Ragged, joined, read_rows
from pipeline.dedup.runs import Entries
from pipeline.store import open_folder

_KEYS = st.lists(st.integers(0, 6), min_size=9, max_size=9)


def _groups(keys: list[int]) -> Groups:
    rows = np.arange(len(keys), dtype=np.uint32)[:, None]
    return groups_of([Entries(np.array(keys, np.uint64), rows)], [0])


def _lists(groups: Groups) -> list[list[int]]:
    return [part.tolist() for part in np.split(groups.members, groups.offsets[1:-1])] if len(groups) else []


def test_groups_are_documents_of_equal_keys_in_ascending_order() -> None:
    assert _lists(_groups([5, 3, 5, 9, 3, 5])) == [[1, 4], [0, 2, 5]]


def test_keys_that_meet_by_chance_are_told_apart_by_the_rest_of_the_hash() -> None:
    keys = np.full(4, 7, np.uint64)
    rest = np.array([[0, 1, 1], [1, 1, 2], [2, 1, 1], [3, 2, 1]], np.uint32)
    assert _lists(groups_of([Entries(keys, rest)], [10])) == [[10, 12]]


def test_a_document_that_bears_a_key_twice_is_no_group() -> None:
    entries = Entries(np.array([4, 4, 6, 6, 6], np.uint64), np.array([[1], [1], [0], [0], [2]], np.uint32))
    assert _lists(groups_of([entries], [0])) == [[0, 2]]


def test_rows_of_later_runs_count_on_from_their_base() -> None:
    one = Entries(np.array([1, 8], np.uint64), np.array([[0], [1]], np.uint32))
    two = Entries(np.array([8, 9], np.uint64), np.array([[1], [0]], np.uint32))
    assert _lists(groups_of([one, two], [0, 2])) == [[1, 3]]


def test_the_lowest_score_stays_and_the_first_of_equals() -> None:
    fates = Fates(5, np.array([2.0, 1.0, 1.0, np.inf, 0.0]))
    fates.remove(Groups(np.array([0, 1, 2, 3]), np.array([0, 4])), 1)
    fates.flatten()
    assert fates.parent.tolist() == [1, 1, 1, 1, 4]
    assert fates.fate.tolist() == [1, 0, 1, 1, 0]


def test_the_copy_of_a_copy_is_a_copy_of_what_stays() -> None:
    fates = Fates(4)
    fates.remove(Groups(np.array([1, 3]), np.array([0, 2])), 1)  # 3 is a copy of 1
    fates.remove(Groups(np.array([0, 1, 3]), np.array([0, 3])), 2)  # and 1, then, of 0; 3 takes no part
    fates.flatten()
    assert fates.parent.tolist() == [0, 0, 2, 0]
    assert fates.fate.tolist() == [ALONE, 2, ALONE, 1]


def test_what_is_removed_takes_no_part_in_components() -> None:
    fates = Fates(4)
    fates.remove(Groups(np.array([0, 1]), np.array([0, 2])), 1)
    chain = Groups(np.array([1, 2, 1, 3]), np.array([0, 2, 4]))
    fates.join(chain)
    fates.flatten()
    assert fates.fate.tolist() == [ALONE, 1, ALONE, ALONE]
    assert len(fates.candidates(chain).groups) == 0


@settings(max_examples=80, deadline=None)
@given(columns=st.lists(_KEYS, min_size=1, max_size=4), seed=st.integers(0, 99))
def test_components_equal_brute_force_in_any_order(columns: list[list[int]], seed: int) -> None:
    order = [_groups(column) for column in columns]
    random.Random(seed).shuffle(order)
    fates = Fates(9)
    for groups in order:
        fates.join(groups)
    fates.flatten()
    reach = {n: {n} for n in range(9)}
    for _ in range(9):
        for column, (a, b) in itertools.product(columns, itertools.permutations(range(9), 2)):
            if column[a] == column[b]:
                merged = reach[a] | reach[b]
                for n in merged:
                    reach[n] = merged
    assert fates.parent.tolist() == [min(reach[n]) for n in range(9)]
    assert (fates.fate == MEMBER).tolist() == [len(reach[n]) > 1 for n in range(9)]
    for groups in order:
        found = fates.candidates(groups)
        assert [min(reach[one[0]]) for one in _lists(found.groups)] == found.roots.tolist()


def test_components_that_have_not_converged_are_an_error() -> None:
    fates = Fates(4)
    fates.join(Groups(np.array([0, 1, 2, 3]), np.array([0, 2, 4])))
    fates.flatten()
    with pytest.raises(RuntimeError, match="not converged"):
        fates.candidates(Groups(np.array([1, 2]), np.array([0, 2])))


@pytest.mark.parametrize("entries", [0, 1, 100, 5_000, 50_000])
@pytest.mark.parametrize("parts", [1, 2, 64, 1024])
def test_ranges_of_a_run_are_all_of_it(tmp_path: Path, entries: int, parts: int) -> None:
    keys = np.random.default_rng(entries).integers(0, 1 << 63, entries, dtype=np.uint64) * np.uint64(2)
    rows = np.arange(2 * entries, dtype=np.uint32).reshape(-1, 2)
    runs.write_run(tmp_path / "run", {"lines": Entries(keys, rows)})
    folder = open_folder(tmp_path)
    found = [runs.read_part(folder, "run", "lines", part, parts) for part in range(parts)]
    assert (np.concatenate([one.keys for one in found]) == np.sort(keys)).all()
    assert (np.concatenate([one.values for one in found]) == rows[np.argsort(keys, kind="stable")]).all()
    for part, one in enumerate(found):
        assert all(key * parts >> 64 == part for key in one.keys.tolist())


def test_partitions_grow_by_powers_of_two() -> None:
    most = runs.PARTITION_ENTRIES
    sizes = (0, 1, most, most + 1, 2 * most, 3 * most)
    assert [runs.partitions(entries) for entries in sizes] == [1, 1, 1, 2, 2, 4]


def test_arrays_come_back_by_ranges(tmp_path: Path) -> None:
    arrays = {
        "whole": np.arange(100_000, dtype=np.int64),
        "pairs": np.arange(60_000, dtype=np.uint32).reshape(-1, 2),
        "none": np.empty(0, np.float64),
    }
    write_arrays(tmp_path / "arrays", arrays)
    with ArrayFile(open_folder(tmp_path), "arrays") as file:
        for name, array in arrays.items():
            assert (file.read(name) == array).all()
            assert file.read(name).dtype == array.dtype
        assert file.read("whole", 65_000, 91_000).tolist() == list(range(65_000, 91_000))
        assert file.read("pairs", 29_999, 30_000).tolist() == [[59_998, 59_999]]
        assert "other" not in file


@pytest.mark.parametrize("place", [2, 30, 5_000, 400_000, -1])
def test_a_flipped_bit_in_a_file_of_arrays_is_seen(tmp_path: Path, place: int) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, {"numbers": np.arange(100_000, dtype=np.int64)})
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    with pytest.raises(OSError, match="damaged"), ArrayFile(open_folder(tmp_path), "arrays") as file:
        file.read("numbers")


def test_a_file_of_arrays_that_was_cut_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, {"numbers": np.arange(100_000, dtype=np.int64)})
    data = path.read_bytes()
    for size in (0, 5, 100, 300_000, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(OSError, match="damaged"), ArrayFile(open_folder(tmp_path), "arrays") as file:
            file.read("numbers")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 255), max_size=5), max_size=8), st.data())
def test_rows_of_different_lengths(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]], data: st.DataObject
) -> None:
    def ragged(lists: list[list[int]]) -> Ragged:
        offsets = np.cumsum([0, *map(len, lists)], dtype=np.int64)
        return Ragged(np.array(list(itertools.chain(*lists)), np.uint8), offsets)

    def lists(one: Ragged) -> list[list[int]]:
        bounds = one.offsets.tolist()
        return [one.flat[a:b].tolist() for a, b in itertools.pairwise(bounds)]

    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9)) if rows else []
    assert lists(ragged(rows).take(np.array(places, np.int64))) == [rows[place] for place in places]
    assert lists(joined([ragged(rows), ragged(rows[:2])], np.uint8)) == rows + rows[:2]
    folder = tmp_path_factory.mktemp("ragged")
    write_arrays(folder / "file", ragged(rows).arrays("rows"))
    start = data.draw(st.integers(0, len(rows)))
    stop = data.draw(st.integers(start, len(rows)))
    with ArrayFile(open_folder(folder), "file") as file:
        assert lists(read_rows(file, "rows", start, stop)) == rows[start:stop]
