"""Models that are counted, not learned: importance weights, n-gram perplexity and reference words, made from documents.

`importance` tells target documents (`--positives`) from the raw corpus (`--negatives`), as DSIR does; `ngrams` and
`unigrams` describe one set (`--positives`). Each is one file, the same for the same documents in any order, and a card
that says what it was made from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.classify.examples import Reading, read, sampled
from pipeline.classify.job import Talk
from pipeline.classify.tasks import Limits
from pipeline.errors import UsageError
from pipeline.store.digest import sha256_file

KINDS = ("importance", "ngrams", "unigrams")
_FILES = {"importance": "model.importance", "ngrams": "model.ngrams", "unigrams": "model.npz"}


def train(
    kind: str, positives: Sequence[str], negatives: Sequence[str], limits: Limits, out: Path, talk: Talk
) -> dict[str, Any]:
    """Write the model and its card to `out`; returns the card. UsageError for what the kind does not take."""
    if not positives:
        raise UsageError(f"--kind {kind}: name --positives, the documents that it describes")
    if bool(negatives) != (kind == "importance"):
        needs = "needs --negatives, the raw corpus" if kind == "importance" else "takes no --negatives"
        raise UsageError(f"--kind {kind} {needs}")
    reading = Reading([], Counter())
    targets = _texts("--positives", positives, reading, limits, talk)
    raws = _texts("--negatives", negatives, reading, limits, talk) if negatives else []
    out.mkdir(parents=True, exist_ok=True)
    model = out / _FILES[kind]
    talk(f"counting the words of {len(targets) + len(raws):,} documents")
    _write(kind, targets, raws, model)
    card: dict[str, Any] = {
        "kind": kind,
        "model": {"file": model.name, "sha256": sha256_file(model), "bytes": model.stat().st_size},
        "documents": {"positives": len(targets), **({"negatives": len(raws)} if negatives else {})},
        "from": {
            "inputs": [one._asdict() for one in reading.files],
            "rows": dict(sorted(reading.counts.items())),
        },
        "limits": limits._asdict(),
    }
    (out / "card.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
    return card


def _texts(option: str, paths: Sequence[str], reading: Reading, limits: Limits, talk: Talk) -> list[str]:
    found = sampled(read(option, paths, reading, label="it", least=limits.least), limits.most, talk)
    if not found.get("it"):
        raise UsageError(f"{option}: no document with {limits.least} characters or more")
    return [example.text for example in found["it"]]


def _write(kind: str, targets: list[str], raws: list[str], model: Path) -> None:
    try:
        if kind == "unigrams":
            from pipeline.unigrams import train as count

            count(targets, model)
        elif kind == "ngrams":
            from filters.models.ngram_training import train_ngrams

            model.write_bytes(train_ngrams(targets))
        else:
            from filters.models.importance_model import train_importance

            model.write_bytes(train_importance(targets, raws))
    except ValueError as error:
        raise UsageError(f"--kind {kind}: {error}") from None
