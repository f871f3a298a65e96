"""Whole runs of deduplication on small files: kinds in order, scopes, policies, chains, any number of workers."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import rows, sets, sluice, stats

Document = dict[str, Any]


def _words(seed: int, count: int = 120) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(3, 9))) for _ in range(count)]


def _text(seed: int, changed: int = 0) -> str:
    """A text, and with `changed` words at its end replaced: 5-grams that hold these differ."""
    words = _words(seed)
    words[len(words) - changed :] = _words(seed + 1_000 * changed, changed)
    return " ".join(words)


def _write(path: Path, documents: list[Document]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in documents))
    return path


def _dedup(tmp_path: Path, documents: list[Document], *settings: str, name: str = "run") -> Path:
    path = _write(tmp_path / "documents.jsonl", documents)
    sluice("dedup", "--input", path, "--out", tmp_path / name, *sets(["dedup.scope=global", *settings]))
    return tmp_path / name


def _fates(run: Path) -> dict[str, tuple[str, str, float | None]]:
    return {
        id_: (row["duplicate_of"], row["kind"], row["similarity"] and round(row["similarity"], 3))
        for id_, row in rows(run, "duplicates").items()
    }


def test_kinds_are_taken_in_order_and_chains_end_at_what_survives(tmp_path: Path) -> None:
    documents = [
        {"id": "first", "url": "http://a.example/1", "text": _text(1)},
        {"id": "near", "url": "http://a.example/2", "text": _text(1, changed=5)},
        {"id": "exact of near", "url": "http://a.example/3", "text": _text(1, changed=5).upper()},
        {"id": "address of exact", "url": "HTTP://a.example:80/x/../3#top", "text": _text(2)},
        {"id": "alone", "url": "http://a.example/4", "text": _text(3)},
        {"id": "too far", "url": "http://a.example/5", "text": _text(1, changed=60)},
    ]
    run = _dedup(tmp_path, documents, "dedup.url={}")
    # 116 5-grams, of which the last 5 differ; a copy of what is removed is a copy of what stays.
    near = round(111 / 121, 3)
    assert _fates(run) == {
        "near": ("first", "minhash", near),
        "exact of near": ("first", "exact", near),
        "address of exact": ("first", "url", None),
    }
    clusters = {id_: (row["cluster"], row["size"]) for id_, row in rows(run, "clusters").items()}
    assert clusters == {"first": ("first", 4)}
    assert stats(run)["duplicates"] == {"exact": 1, "minhash": 1, "url": 1}

    other = _dedup(tmp_path, documents, "dedup.url={}", "dedup.order=[exact, url, minhash]", name="other")
    # The exact copy is gone before addresses are compared, so that nothing bears this one any more.
    assert set(_fates(other)) == {"near", "exact of near"}


def test_documents_of_other_crawls_or_languages_are_never_compared(tmp_path: Path) -> None:
    texts = [_text(1), _text(1), _text(1, changed=3), _text(1)]
    documents = [
        {"id": str(number), "text": text, "language": language}
        for number, (text, language) in enumerate(zip(texts, ["en", "de", "de", "en"], strict=True))
    ]
    assert set(_fates(_dedup(tmp_path, documents, name="global"))) == {"1", "2", "3"}
    by_language = _dedup(tmp_path, documents, "dedup.scope=language", name="language")
    assert {id_: fate[0] for id_, fate in _fates(by_language).items()} == {"2": "1", "3": "0"}
    crawls = []
    for crawl, mine in (("CC-MAIN-2019-30", documents[:2]), ("CC-MAIN-2024-10", documents[2:])):
        (tmp_path / crawl).mkdir()
        crawls += ["--input", _write(tmp_path / crawl / f"{mine[0]['id']}.jsonl", mine)]
    sluice("dedup", *crawls, "--out", tmp_path / "crawl", "--set", "dedup.scope=crawl")
    assert {id_: fate[0] for id_, fate in _fates(tmp_path / "crawl").items()} == {"1": "0", "3": "2"}


@pytest.mark.parametrize(
    ("keep", "survivor"),
    [("first", "a"), ("oldest", "c"), ("newest", "b"), ("longest", "d"), ("best(language_score)", "b")],
)
def test_the_policy_says_which_copy_survives(tmp_path: Path, keep: str, survivor: str) -> None:
    extra = " and one more"
    documents = [
        {"id": "a", "date": "2020-01-02", "text": _text(1), "language_score": 0.5},
        {"id": "b", "date": "2024-01-01T00:00:00Z", "text": _text(1), "language_score": 0.9},
        {"id": "c", "date": "2020-01-01", "text": _text(1, changed=2), "language_score": 0.6},
        {"id": "d", "date": "2021-01-01", "text": _text(1) + extra, "language_score": None},
    ]
    run = _dedup(tmp_path, documents, f"dedup.keep={keep}")
    assert {fate[0] for fate in _fates(run).values()} == {survivor}
    assert set(_fates(run)) == {"a", "b", "c", "d"} - {survivor}


def test_a_policy_over_an_unknown_signal_names_the_fix(tmp_path: Path) -> None:
    path = _write(tmp_path / "documents.jsonl", [{"id": "a", "text": "a"}])
    done = sluice(
        "dedup", "--input", path, "--out", tmp_path / "run", "--set", "dedup.keep=best(quality)", check=False
    )
    assert done.returncode
    assert "no numeric column" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("dedup.order=[exact]", "minhash is not in"),
        ("dedup.order=[exact, exact, minhash, url, lines]", "named twice"),
        ("dedup.keep=largest", "expected first, oldest"),
        ("dedup.scope=page", "scope"),
        ("dedup.minhash.verify.floor=0.9", "at most the threshold"),
        ("dedup.minhash.variant=rensa", "variant"),
        ("dedup.minhash={variant: datatrove, unit: characters}", "words only"),
    ],
)
def test_what_is_wrong_with_the_section_is_said_in_a_line(tmp_path: Path, setting: str, message: str) -> None:
    path = _write(tmp_path / "documents.jsonl", [{"id": "a", "text": "a"}])
    done = sluice("dedup", "--input", path, "--out", tmp_path / "run", "--set", setting, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_survivors_carry_their_cluster_into_the_corpus(tmp_path: Path) -> None:
    documents = [{"id": str(n), "text": _text(n % 3)} for n in range(7)]
    path = _write(tmp_path / "documents.jsonl", documents)
    sluice(
        "run",
        "tiny",
        "--input",
        path,
        "--out",
        tmp_path / "run",
        "--until",
        "corpus",
        *sets(["filters=null"]),
    )
    found = rows(tmp_path / "run", "corpus")
    sizes = {id_: (row["duplicate_cluster"], row["duplicate_cluster_size"]) for id_, row in found.items()}
    assert sizes == {"0": ("0", 3), "1": ("1", 2), "2": ("2", 2)}
    assert sum(size for _, size in sizes.values()) == len(documents)


def test_unverified_candidates_make_one_cluster_of_a_chain(tmp_path: Path) -> None:
    # Each differs from the next in five of its words only, the ends of the chain in most.
    words = _words(1, 200)
    documents = [
        {"id": f"{step:02d}", "text": " ".join(words[: step * 5] + _words(2, 200)[step * 5 :])}
        for step in range(41)
    ]
    whole = _dedup(tmp_path, documents, "dedup.minhash.verify=null", name="whole")
    assert set(_fates(whole)) == {one["id"] for one in documents[1:]}
    assert min(fate[2] or 0 for fate in _fates(whole).values()) < 0.1
    run = _dedup(tmp_path, documents, name="verified")
    verified = _fates(run)
    assert 20 < len(verified) < 40
    assert min(fate[2] or 0 for fate in verified.values()) >= 0.6
    # Several survive of one cluster, and stand for all of it together.
    survivors = rows(run, "clusters")
    assert set(survivors) == {one["id"] for one in documents} - set(verified)
    assert {row["cluster"] for row in survivors.values()} == {"00"}
    assert sum(row["size"] for row in survivors.values()) == len(documents)


@pytest.mark.parametrize("settings", [[], ["dedup.keep=longest", "dedup.url={}"]], ids=["first", "longest"])
def test_workers_engines_and_files_change_nothing(tmp_path: Path, settings: list[str]) -> None:
    draw = random.Random(5)
    documents = [
        {
            "id": str(n),
            "url": f"http://a.example/{n % 150}",
            "text": _text(n % 40, changed=draw.randint(0, 9)),
        }
        for n in range(200)
    ]
    inputs = []
    for part in range(4):
        path = _write(tmp_path / f"{part}.jsonl", documents[part * 50 : part * 50 + 50])
        inputs += ["--input", path]
    digests = set()
    for engine, workers in (("local", 1), ("local", 4), ("ray", 2)):
        run = tmp_path / f"{engine}{workers}"
        sluice("dedup", *inputs, "--out", run, "--engine", engine, "--workers", workers, *sets(settings))
        digests.add(stats(run)["digest"])
    assert len(digests) == 1
    whole = _dedup(tmp_path, documents, "dedup.scope=crawl", *settings, name="whole")
    assert _fates(whole) == _fates(tmp_path / "local1")


def test_nothing_to_compare(tmp_path: Path) -> None:
    path = _write(tmp_path / "documents.jsonl", [{"id": "a", "text": "..."}, {"id": "b", "text": "!?"}])
    run = tmp_path / "run"
    sluice("dedup", "--input", path, "--out", run)
    assert _fates(run) == {}
    empty = _write(tmp_path / "empty.jsonl", [])
    sluice("dedup", "--input", empty, "--out", tmp_path / "none", check=False)
    assert stats(tmp_path / "none")["duplicates"] == {}
