"""A real, small token set: docstrings of the standard library, one token a byte."""

from __future__ import annotations

import email
import json
import logging
import pathlib
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from mixes.heldout import is_heldout
from mixes.mix import Mix, MixSettings
from mixes.shards import write_shard
from mixes.tokens import TokenSet
from train.config import AnnealSettings, Arm, TrainSettings

VOCAB, EOS = 257, 256
MODULES = (email, json, logging, pathlib, textwrap)


def _prose(module: ModuleType) -> Iterator[str]:
    for value in [module, *vars(module).values()]:
        for one in (value, *(vars(value).values() if isinstance(value, type) else ())):
            text = getattr(one, "__doc__", None)
            if isinstance(text, str) and len(text) > 80:
                yield textwrap.dedent(text).strip()


def _shards(folder: Path) -> list[tuple[Path, Path]]:
    first_in = {text: module.__name__ for module in reversed(MODULES) for text in _prose(module)}
    texts = [(name, text) for text, name in sorted(first_in.items(), key=lambda item: item[::-1])]
    ids = [f"{name}@{number}" for number, (name, _) in enumerate(texts)]
    held = is_heldout(ids, 0.15)
    table = pa.table(
        {
            "id": ids,
            "domain": ["logs" if name == "logging" else "files" for name, _ in texts],
            "split": ["heldout" if one else "train" for one in held],
            "bytes": [len(text.encode()) for _, text in texts],
        }
    )
    tokens = [np.frombuffer(text.encode(), dtype=np.uint8) for _, text in texts]
    half = len(texts) // 2
    return [
        write_shard(folder / "a", table.slice(0, half), tokens[:half], vocab_size=VOCAB, eos=EOS),
        write_shard(folder / "b", table.slice(half), tokens[half:], vocab_size=VOCAB, eos=EOS),
    ]


@pytest.fixture(scope="session")
def token_files(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Path]]:
    """Two token shards."""
    return _shards(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="session")
def tokens(token_files: list[tuple[Path, Path]]) -> TokenSet:
    """The token set of both shards."""
    return TokenSet.open(token_files, VOCAB, EOS)


@pytest.fixture(scope="session")
def small() -> TrainSettings:
    """Settings of a run of about a second."""
    return TrainSettings(
        depth=1,
        width=32,
        heads=2,
        key_value_heads=1,
        hidden=64,
        sequence=32,
        batch=4,
        tokens=12 * 128,
        learning_rate=1e-2,
        threads=1,
        device="cpu",
        log_steps=1,
        checkpoint_steps=5,
        anneal=AnnealSettings(
            fraction=0.5,
            arms=(
                Arm(name="no_decay", decay="none"),
                Arm(name="decay_same"),
                Arm(name="decay_better", weights={"logs": 0.9, "files": 0.1}),
            ),
        ),
    )


@pytest.fixture(scope="session")
def mix(tokens: TokenSet) -> Mix:
    """Twelve steps of `small`."""
    return Mix.build(tokens.supply(), MixSettings(), sequence=32, sequences=48)
