"""Copies: numbers are the ledger's, every copy is in one cluster, differences are exact, large runs stay bounded."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from starlette.testclient import TestClient

from pipeline.dashboard import clusters, pairs
from pipeline.dashboard.app import make_app
from pipeline.dashboard.difference import WORDS, Row, common_words, difference
from pipeline.dashboard.originals import originals
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views.duplicates import (
    ClusterBin,
    DuplicatesAnswer,
    DuplicatesQuestion,
    answer,
    bins,
)
from pipeline.dashboard.watch import Seen, Watched
from pipeline.dedup.settings import MinHashSettings
from pipeline.dedup.sign import shingle_sets
from pipeline.store import open_folder
from pipeline.store.parquet import read_table
from pipeline.sums import StageSum
from tests.dashboard.conftest import seen_of
from tests.pipeline.conftest import rows, sets, sluice, stats

pytestmark = pytest.mark.xdist_group("dashboard")


@pytest.fixture(scope="module")
def seen(small_run: Path) -> Seen:
    return seen_of(small_run)


def asked(seen: Seen, **question: Any) -> DuplicatesAnswer:
    return answer(House({"run": seen}, 0.04), seen, DuplicatesQuestion(**question))


def everything(seen: Seen) -> list[Any]:
    found: list[Any] = []
    while page := asked(seen, offset=len(found), limit=7).clusters:
        found += page
    return found


def test_counts_are_those_of_stats(small_run: Path, seen: Seen) -> None:
    counts, found = stats(small_run), asked(seen)
    assert {one.kind: one.documents for one in found.kinds} == counts["duplicates"]
    assert found.removed == sum(counts["duplicates"].values()) > 0
    assert found.documents - found.removed == counts["corpus"]
    assert sum(one.clusters for one in found.sizes) == sum(counts["clusters"].values())
    assert found.largest == max(map(int, counts["clusters"]))
    assert found.pairs is not None
    assert found.pairs.compared == counts["pairs"]["compared"]
    assert found.pairs.missed is not None
    assert found.pairs.missed.high == counts["pairs"]["missed"]["high"]
    assert [(row.year, row.tokens, row.lost) for row in found.years] == [
        (row["year"], row["tokens"], row["lost"]) for row in counts["lost_by_year"]
    ]


def test_bytes_by_kind_are_those_of_the_texts(small_run: Path, seen: Seen) -> None:
    texts, removed = rows(small_run, "documents"), rows(small_run, "duplicates")
    expected: dict[str, int] = {}
    for id_, row in removed.items():
        expected[row["kind"]] = expected.get(row["kind"], 0) + len(texts[id_]["text"].encode())
    assert {one.kind: one.bytes for one in asked(seen).kinds} == expected


def test_pages_of_the_list_hold_every_cluster_once_largest_first(small_run: Path, seen: Seen) -> None:
    stands, removed = rows(small_run, "clusters"), rows(small_run, "duplicates")
    found = everything(seen)
    assert {row.id: (row.cluster, row.documents) for row in found} == {
        id_: (row["cluster"], row["size"]) for id_, row in stands.items()
    }
    assert [row.documents for row in found] == sorted((row["size"] for row in stands.values()), reverse=True)
    assert sum(sum(row.kinds.values()) for row in found) == len(removed)
    assert all(row.documents == 1 + sum(row.kinds.values()) for row in found)
    assert asked(seen).listed == asked(seen).total == len(stands)


def test_a_cluster_has_its_copies_with_kind_similarity_and_date(small_run: Path, seen: Seen) -> None:
    removed, texts = rows(small_run, "duplicates"), rows(small_run, "documents")
    seen_copies = set()
    for cluster in {row.cluster for row in everything(seen)}:
        shown = asked(seen, cluster=cluster).cluster
        assert shown is not None
        assert len(shown.members) == shown.documents
        for one in shown.members:
            assert one.date == texts[one.id]["date"]
            if one.of is not None:
                seen_copies.add(one.id)
                copy = removed[one.id]
                assert (one.of, one.kind, one.similarity) == (
                    copy["duplicate_of"],
                    copy["kind"],
                    copy["similarity"],
                )
    assert seen_copies == set(removed)


def test_the_jaccard_of_a_pair_is_what_dedup_measured(small_run: Path, seen: Seen) -> None:
    near = [row for row in rows(small_run, "duplicates").values() if row["kind"] == "minhash"]
    assert near
    for row in near:
        pair = asked(seen, a=row["duplicate_of"], b=row["id"]).pair
        assert pair is not None
        assert pair.jaccard == pytest.approx(row["similarity"])
        assert any(not line.same for line in pair.rows)


@pytest.mark.parametrize("settings", [MinHashSettings(), MinHashSettings(unit="characters", ngram=9)])
def test_jaccard_is_that_of_the_sets_of_shingles(settings: MinHashSettings) -> None:
    texts = [
        "The Bridge, built 1899, was old.\nIt fell in two.",
        "the bridge built 1901 was old",
        "short",
        "",
    ]
    found = shingle_sets(pa.array(texts, pa.large_string()), settings)
    sets_ = [set(found.hashes[a:b].tolist()) for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    for one, first in zip(texts, sets_, strict=True):
        for two, second in zip(texts, sets_, strict=True):
            every = len(first | second)
            expected = len(first & second) / every if every else None
            assert pairs.jaccard(one, two, settings) == expected


def text(rows_: list[Row], side: str) -> str:
    return "".join(piece.text for row in rows_ for piece in getattr(row, side))


def test_common_words_are_a_longest_common_subsequence() -> None:
    chance = random.Random(1)
    for _ in range(400):
        one = [chance.choice("abc") for _ in range(chance.randrange(13))]
        two = [chance.choice("abcd") for _ in range(chance.randrange(13))]
        table = [[0] * (len(two) + 1) for _ in range(len(one) + 1)]
        for i, left in enumerate(one):
            for j, right in enumerate(two):
                table[i + 1][j + 1] = (
                    table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
                )
        found = common_words(one, two)
        assert len(found) == table[-1][-1]
        assert all(one[i] == two[j] for i, j in found)
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(found))


def test_a_difference_holds_both_texts_and_marks_what_is_in_one_alone() -> None:
    left = "one two three\nfour five\nsix\nseven\neight\nnine"
    right = "one 2 three\nfour five\nsix\nseven\neight\nnine and ten"
    found = difference(left, right, whole=True)
    assert (text(found.rows, "left"), text(found.rows, "right")) == (left, right)
    assert [piece.text for row in found.rows for piece in row.left if piece.changed] == ["two "]
    assert [piece.text for row in found.rows for piece in row.right if piece.changed] == ["2 ", "and ten"]
    assert (found.common, found.only_left, found.only_right) == (8, 1, 3)
    folded = difference(left, right)
    assert [row.left_out for row in folded.rows] == [0, 0, 2, 0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_hostile_texts_are_cut_and_still_told_whole(seed: int) -> None:
    chance = random.Random(seed)
    alphabet = ["ab \n", ".,;", "\u6f22\u5b57\0\u202e"][seed]
    left, right = ("".join(chance.choice(alphabet) for _ in range(40_000)) for _ in range(2))
    found = difference(left, right, whole=True)
    assert found.common + found.only_left <= WORDS
    assert text(found.rows, "left") == left[: found.left_characters].replace("\0", "\ufffd")
    assert text(found.rows, "right") == right[: found.right_characters].replace("\0", "\ufffd")


def test_sizes_fall_into_ranges_that_double() -> None:
    found = bins({2: 5, 3: 2, 4: 1, 9: 1})
    assert [(one.low, one.high) for one in found] == [(2, 2), (3, 4), (5, 8), (9, 16)]
    assert [one.clusters for one in found] == [5, 3, 0, 1]
    assert found[1] == ClusterBin(low=3, high=4, clusters=3, documents=10)


def test_of_a_large_run_the_largest_clusters_and_their_copies_are_held(
    small_run: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands = rows(small_run, "clusters")
    sizes = sorted((row["size"] for row in stands.values()), reverse=True)
    limit = sum(size for size in sizes if size == sizes[0])
    monkeypatch.setattr(clusters, "LIMIT", limit)
    monkeypatch.setattr(clusters, "SHARDS", 1)
    sums = {"dedup": seen.run.closed["dedup"]}
    loading = clusters.ClusterLoading(open_folder(small_run))
    while loading.advance(sums, closed=False):
        pass
    assert loading.snapshot(sums).removed.num_rows == 0  # which copies matter is known at the end
    while loading.advance(sums, closed=True):
        pass
    held = loading.snapshot(sums)
    assert held.kept["size"].to_pylist() == [sizes[0]] * sizes.count(sizes[0])
    assert held.total == len(stands)
    assert not held.whole
    removed = list(rows(small_run, "duplicates").values())
    assert held.removed.num_rows == sum(stands[row["duplicate_of"]]["size"] == sizes[0] for row in removed)


def test_a_cluster_larger_than_all_that_is_held_crowds_nothing_out(
    small_run: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands = rows(small_run, "clusters")
    sizes = sorted((row["size"] for row in stands.values()), reverse=True)
    assert sizes[0] > sizes[-1] == 2
    monkeypatch.setattr(clusters, "SOME", 1)
    monkeypatch.setattr(clusters, "LIMIT", 2)  # so that all but pairs are larger
    loading = clusters.ClusterLoading(open_folder(small_run))
    while loading.advance({"dedup": seen.run.closed["dedup"]}, closed=True):
        pass
    held = loading.snapshot({"dedup": seen.run.closed["dedup"]})
    assert held.kept["size"][0].as_py() == sizes[0]
    copies = held.copies(held.kept["id"][:1])
    assert 1 <= copies.num_rows < sizes[0] - 1
    found = answer(
        House({"run": dataclasses.replace(seen, clusters=held)}, 0.04),
        dataclasses.replace(seen, clusters=held),
        DuplicatesQuestion(cluster=held.kept["cluster"][0].as_py()),
    ).cluster
    assert found is not None
    assert found.listed < found.documents


def test_the_snapshot_holds_all_while_receipts_come_one_by_one(small_run: Path, seen: Seen) -> None:
    loading = clusters.ClusterLoading(open_folder(small_run))
    sums = {"dedup": StageSum("dedup")}
    for receipt in seen.run.closed["dedup"]:
        sums["dedup"].add(receipt)
        while loading.advance(sums, closed=False):
            pass
    assert loading.snapshot(sums).removed.sort_by("id").equals(seen.clusters.removed.sort_by("id"))
    assert seen.clusters.whole


def test_originals_are_the_rows_of_the_files(small_run: Path, seen: Seen) -> None:
    folder = open_folder(small_run)
    table = seen.documents.table.filter(pc.equal(seen.documents.table["kept"], True))
    shards = dict(zip(table["id"].to_pylist(), table["shard"].to_pylist(), strict=True))
    whole = {
        row["id"]: row["text"]
        for name in folder.names("documents")
        for row in read_table(folder, f"documents/{name}", ["id", "text"]).to_pylist()
    }
    found = originals(seen.run, shards, ["text", "no_such_column"])
    assert {id_: row["text"] for id_, row in found.items()} == whole
    assert all(row["no_such_column"] is None for row in found.values())


@pytest.mark.parametrize(
    ("question", "status"),
    [({"cluster": "<b>none</b>"}, 404), ({"a": "x", "b": "y"}, 404), ({"a": "x"}, 400)],
)
def test_what_is_not_there_is_refused(seen: Seen, question: dict[str, str], status: int) -> None:
    with pytest.raises(BadQuestion) as caught:
        asked(seen, **question)
    assert caught.value.status == status


def test_pages_show_the_answer_and_hostile_text_is_inert(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script> {{ 7*7 }} </td><img src=x onerror=alert(1)> \u202ereversed "
    prose = " ".join(f"word{number} and what it means to people in the town." for number in range(60))
    documents = [
        {"id": f"d{at}", "url": "javascript:alert(1)", "title": attack, "text": f"{prose} {attack} {tail}"}
        for at, tail in enumerate(["The end.", "The other end."])
    ]
    (tmp_path / "docs.jsonl").write_text("\n".join(map(json.dumps, documents)) + "\n")
    options = ["filters=[]", "dedup.minhash.verify.threshold=0.5", "dedup.minhash.verify.floor=0.5"]
    command: list[str | Path] = [
        "run",
        "tiny",
        "--input",
        tmp_path / "docs.jsonl",
        "--out",
        tmp_path / "run",
        "--until",
        "dedup",
    ]
    sluice(*command, *sets(options))
    watched = Watched(open_folder(tmp_path / "run"), "run")
    watched.look_to_the_end()
    client = TestClient(make_app({"run": watched}, ["testserver"]))
    for address in ("", "?cluster=d0", "?a=d0&b=d1"):
        page = client.get(f"/run/duplicates{address}")
        assert page.status_code == 200, page.text
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert "7*7" in page.text
        assert "\u202e" not in page.text
        assert 'href="javascript' not in page.text
    assert "<ins>other </ins>" in client.get("/run/duplicates?a=d0&b=d1").text
    assert client.get("/run/duplicates.json").json()["removed"] == 1


def test_without_the_stage_the_view_says_what_brings_it(tmp_path: Path, small_run: Path) -> None:
    source = small_run.parent / "sample.warc.gz"
    sluice("run", "tiny", "--input", source, "--out", tmp_path / "run", "--until", "extract")
    found = asked(seen_of(tmp_path / "run"))
    assert "--until" in found.missing
    assert found.clusters == []
