"""Small fastText classifiers and texts for tests: words of one letter and a number, drawn with a seed."""

from __future__ import annotations

import random
from pathlib import Path

from tests.filters.test_fasttext_model import trained

LEARN = {"loss": "softmax", "minn": 2, "maxn": 3, "dim": 8, "bucket": 3000, "epoch": 12, "lr": 0.5}


def words(letter: str, count: int, draw: random.Random) -> list[str]:
    """Words of a letter's own vocabulary."""
    return [f"{letter}{draw.randrange(400)}{letter}" for _ in range(count)]


def text(shares: dict[str, float], count: int, seed: int) -> str:
    """A text of so many words, each of a letter's vocabulary with the letter's share."""
    draw = random.Random(seed)
    letters = draw.choices(list(shares), list(shares.values()), k=count)
    return " ".join(words(letter, 1, draw)[0] for letter in letters)


def classifier(path: Path, labels: dict[str, str]) -> Path:
    """Trains a model that tells the vocabularies of letters apart: label to letter."""
    draw = random.Random(5)
    rows = [
        f"__label__{label} {' '.join(words(letter, 12, draw) + words('c', 8, draw))}\n"
        for _ in range(150)
        for label, letter in labels.items()
    ]
    examples = path.with_suffix(".txt")
    examples.write_text("".join(rows))
    trained(examples, path, LEARN)
    return path
