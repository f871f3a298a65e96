"""Trains fastText classifiers: the only module that calls `train_supervised`.

Training is deterministic: one thread, a fixed seed, examples in the order that they are given, in a process of its own
whose allocator hands out zeros. That last point matters. With one thread fastText 0.9.2 sets only the first tenth of
its input matrix and trains the rest on whatever memory it was given: where a process used that memory before, training
ends with `Encountered NaN` or gives another model each time. Zeros are as good a start as fastText's own small random
numbers, because the rows of the most frequent words are the ones that are set: 43.2 against 43.3 % of 23 topics right,
learned from 4,000 pages. Where the allocator is not glibc's, equal bytes are a hope, not a promise. A training that
meets NaN is repeated with half the learning rate, `TRIES` times at most.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from filters.models.fasttext_text import one_line
from pipeline.errors import UserError

TRIES = 5
PREFIX = "__label__"
_ZEROS = {
    "MALLOC_PERTURB_": "255",  # fresh memory holds the complement of this byte
    "GLIBC_TUNABLES": "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0",
    "OMP_NUM_THREADS": "1",
}

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """fastText's parameters; defaults are those of `fasttext supervised`, which RedPajama-v1 used as they are."""

    lr: Annotated[float, msgspec.Meta(gt=0, le=100)] = 0.1
    dim: Positive = 100
    epoch: Positive = 5
    wordNgrams: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1  # noqa: N815 (fastText's name)
    minCount: Positive = 1  # noqa: N815
    minn: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    maxn: Annotated[int, msgspec.Meta(ge=0, le=16)] = 0
    bucket: Positive = 2_000_000
    ws: Positive = 5
    neg: Positive = 5
    loss: Literal["softmax", "hs", "ns", "ova"] = "softmax"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


PRESETS = {
    "wikiref": Settings(),  # RECIPES: RedPajama-v1's "referenced by Wikipedia"
    "dclm": Settings(wordNgrams=2),  # DCLM's OpenHermes and ELI5 classifier
    "small": Settings(
        lr=0.5, epoch=25
    ),  # for a few thousand examples, from which the defaults learn next to nothing
}


class Trained(NamedTuple):
    """What a training did: the rate that it ended with, and how many tries that took."""

    lr: float
    tries: int


class TrainingError(UserError):
    """fastText did not end with a model."""


def train(
    examples: Iterable[tuple[str, str]], settings: Settings, out: Path, quantize: bool = False
) -> Trained:
    """Train on (label, text) pairs, in their order, and write the model to `out`; quantised with all words if asked.

    Memory: the words, and 4 * dim bytes for each of them and for each bucket. The pairs are written to a temporary
    file first. TrainingError says why there is no model.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sluice.", dir=out.parent) as scratch:
        lines, model = Path(scratch) / "examples.txt", Path(scratch) / "model"
        with lines.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            for label, text in examples:
                file.write(f"{PREFIX}{label_word(label)} {one_line(text)}\n")
        lr = settings.lr
        for tries in range(1, TRIES + 1):
            said = _run(lines, model, msgspec.structs.replace(settings, lr=lr), quantize)
            if said is None:
                model.replace(out)
                return Trained(lr, tries)
            if "NaN" not in said:
                raise TrainingError(f"fastText could not train: {said}")
            lr /= 2
    raise TrainingError(
        f"fastText met NaN {TRIES} times, down to a rate of {2 * lr:g}: more or longer examples?"
    )


def label_word(label: str) -> str:
    """A label as one word: white space and what fastText cannot read become `_`."""
    return re.sub(r"[\s\0]+", "_", label[:200].replace("</s>", "_")) or "_"


def _run(lines: Path, model: Path, settings: Settings, quantize: bool) -> str | None:
    """One training in a new process; None, or what went wrong, in one line."""
    job = json.dumps([str(lines), str(model), msgspec.to_builtins(settings), quantize])
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.classifiers", job],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **_ZEROS, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
    )
    if done.returncode == 0 and model.is_file():
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return said[-1].strip()[:300] if said else f"its process ended with {done.returncode}"


def _train_here(job: str) -> None:
    from pipeline.assets import require_training

    lines, out, settings, quantize = json.loads(job)
    model: Any = require_training().train_supervised(lines, thread=1, verbose=0, **settings)
    if quantize:
        model.quantize(lines, retrain=False, thread=1, verbose=0)
    model.save_model(out)


if __name__ == "__main__":
    _train_here(sys.argv[1])
