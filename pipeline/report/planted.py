"""How many of the cases planted in the embedded sample the run caught.

An input that has `<path>.truth.jsonl` beside it is such a sample. The run's published files say what became of each
address; skipped responses have no row anywhere and are told by the ledger's counts.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from pipeline.report.run import Run
from pipeline.store.parquet import read_table

_NOT_PLANTED = ("plain", "boilerplate")  # ordinary pages, and what surrounds their text
_SKIPPED = ("not_ok", "not_html")


class Planted(NamedTuple):
    """The cases with their scores (`pipeline.sample.score.CaseScore`), and the planted ones together."""

    cases: list[Any]
    planted: int
    caught: int


def planted(run: Run) -> Planted | None:
    """The score of a run over the embedded sample; None for any other input, or before the corpus is there."""
    if "corpus" not in run.ended:
        return None
    truth = _truth(run)
    if not truth:
        return None
    from pipeline.sample.score import score

    cases = score(truth, _fates(run, truth))
    counted = [one for one in cases if one.case not in _NOT_PLANTED]
    cases.sort(key=lambda one: one.case in _NOT_PLANTED)
    return Planted(cases, sum(one.planted for one in counted), sum(one.caught for one in counted))


def _truth(run: Run) -> list[dict[str, Any]]:
    from pipeline.inputs import open_input

    lines: list[dict[str, Any]] = []
    for file in run.inputs:
        try:
            with open_input(f"{file.path}.truth.jsonl") as opened:
                lines += [msgspec.json.decode(line) for line in opened]
        except (OSError, msgspec.DecodeError):
            continue
    return lines


def _fates(run: Run, truth: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Address to fate, as `pipeline.sample.score.score` reads it."""
    urls: dict[str, str] = {}
    fates: dict[str, dict[str, Any]] = {}
    for stage, under, fate, columns in (
        ("extract", "extracted", "unknown", ["id", "url"]),
        ("extract", "failed", "failed", ["id", "url", "kind"]),
        ("filter", "documents", "unknown", ["id", "url"]),
        ("filter", "dropped", "dropped", ["id", "url", "reason"]),
        ("dedup", "duplicates", "duplicates", ["id", "duplicate_of"]),
        ("cut_lines", "duplicates", "duplicates", ["id", "duplicate_of"]),
        ("corpus", "corpus", "corpus", ["id", "url", "text"]),
    ):
        for _, output in run.files(stage, under):
            for row in read_table(run.folder, output.name, columns).to_pylist():
                url = row.get("url") or urls.get(row["id"]) or ""
                urls[row["id"]] = url
                reason = row.get("reason") or row.get("kind")
                fates[url] = {"fate": fate, "reason": reason} | {
                    name: row[name] for name in ("text", "duplicate_of") if name in row
                }
    return fates | _skipped(run, truth, fates)


def _skipped(
    run: Run, truth: list[dict[str, Any]], fates: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The addresses that no file names were skipped, for the expected kind if the ledger counts as many of each."""
    missing = {
        line["url"]: str(line["expect"].get("reason") or "") for line in truth if line["url"] not in fates
    }
    counted = {kind: run.counts["skipped"].get(kind, 0) for kind in _SKIPPED}
    as_counted = Counter(missing.values()) == Counter(
        {kind: number for kind, number in counted.items() if number}
    )
    return {url: {"fate": "skipped", "reason": kind if as_counted else ""} for url, kind in missing.items()}
