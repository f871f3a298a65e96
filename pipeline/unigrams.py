"""Reference distributions of words for the filter `outliers`: from the package wordfreq, or made of the user's texts.

The file of a model of kind `unigrams` is an uncompressed `.npz` without pickled objects: `keys` (uint64, hashes of
words) and `shares` (float32), in a hash table as `filters.models.unigrams.Unigrams` has it, and `floor`.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pipeline.errors import UserError


class NoReferenceError(UserError):
    """A file that is no reference distribution."""


def train(texts: Sequence[str], path: Path) -> None:
    """Write the distribution of all words of some texts. ValueError if they have none.

    The same texts in any order give the same bytes.
    """
    import numpy as np

    from filters.models.unigrams import of_texts

    made = of_texts(texts)
    with path.open("wb") as file:
        np.savez(file, keys=made.keys, shares=made.shares, floor=np.float64(made.floor))


def load(path: Path) -> Any:
    """A reference that `train` wrote; UserError if the file is something else."""
    import numpy as np

    from filters.models.unigrams import Unigrams

    try:
        with np.load(path, allow_pickle=False) as stored:
            keys, shares, floor = stored["keys"], stored["shares"], float(stored["floor"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise NoReferenceError(f"{path.name} is no reference of words (kind unigrams): {error}") from error
    whole = len(keys) and not len(keys) & (len(keys) - 1) and len(keys) == len(shares) and (keys == 0).any()
    if not whole or keys.dtype != np.uint64 or shares.dtype != np.float32 or not 0 < floor < 1:
        raise NoReferenceError(f"{path.name} is no reference of words (kind unigrams): its arrays do not fit")
    return Unigrams(keys, shares, floor)


def load_wordfreq(paths: tuple[Path, ...]) -> Any:
    """The word list of one language: words in groups, group i of frequency 10 ** (-i / 100)."""
    from filters.models.unigrams import of_words

    _, *groups = msgspec.msgpack.decode(gzip.decompress(paths[0].read_bytes()), type=list[Any])
    words = [word for group in groups for word in group]
    weights = [10 ** (-i / 100) for i, group in enumerate(groups) for _ in group]
    return of_words(words, weights)
