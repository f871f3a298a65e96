"""Opens the models of the filters `importance` and `perplexity`: our own, ARPA files, KenLM's with SentencePiece."""

from __future__ import annotations

import functools
import gzip
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import UsageError
from pipeline.show import show_text

if TYPE_CHECKING:
    import numpy as np

    from filters.models.importance_model import ImportanceModel
    from filters.models.ngram_model import NgramModel

    Array = np.ndarray[Any, Any]

T = TypeVar("T")


class ModelError(UsageError):
    """A model's file is not what its kind says, or a package that reads it is missing."""


def importance(path: Path) -> ImportanceModel:
    """A model that `train_importance` wrote."""
    from filters.models.importance_model import read_importance

    return _read(path, lambda: read_importance(bytearray(path.read_bytes())))


def ngrams(path: Path) -> NgramModel:
    """A model that `train_ngrams` wrote, mapped so that processes share it; or one in ARPA's format (`.arpa[.gz]`)."""
    import numpy as np

    from filters.models.arpa import read_arpa
    from filters.models.ngram_model import read_model

    if path.suffix in (".arpa", ".gz", ".lm"):
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            lines = (line.decode("utf-8", "replace") for line in file)
            return _read(path, lambda: read_arpa(lines))
    return _read(path, lambda: read_model(np.memmap(path, np.uint8, "c")))  # "c": loops want it writable


def kenlm(path: Path) -> KenlmModel:
    """A KenLM model: its file, or a folder with it (`*.bin`, `*.arpa`) and perhaps a SentencePiece `*.model`.

    Needs the package kenlm, and for a SentencePiece model sentencepiece. ModelError says what to install.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    pieces = [file for file in files if file.suffix == ".model"]
    models = [
        file for file in files if file.suffix in (".bin", ".arpa", ".binary", ".klm", ".trie", ".probing")
    ]
    if len(models) != 1 or len(pieces) > 1:
        raise ModelError(
            f"{show_text(str(path))}: expected one KenLM file (.bin or .arpa) and at most one SentencePiece "
            f"file (.model), found {len(models)} and {len(pieces)}"
        )
    return KenlmModel(models[0], pieces[0] if pieces else None)


def _read(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, OSError) as error:
        raise ModelError(f"{show_text(str(path))}: {show_text(error)}") from None


def _package(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise ModelError(
            f"a model of kind kenlm needs the package {name}: run `pip install {name}`"
        ) from None


class KenlmModel:
    """A KenLM model as CCNet applies it; the same interface as `filters.models.ngram_model.NgramModel`.

    With a SentencePiece model, the whole text is normalised as CCNet does it (which also removes newlines), cut into
    pieces and scored as one line. Without one, the words of each line are scored as they stand. Some 2 ms a page.
    """

    def __init__(self, model: Path, pieces: Path | None) -> None:
        self._model = _read(model, lambda: _package("kenlm").Model(str(model)))
        self._pieces: Any = None
        if pieces is not None:
            package = _package("sentencepiece")
            self._pieces = _read(pieces, lambda: package.SentencePieceProcessor(model_file=str(pieces)))

    def perplexities(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """Of each text its perplexity, 0 if it has no token, and the share of unknown words among its tokens."""
        import numpy as np

        found, unknown = np.zeros(len(texts)), np.zeros(len(texts))
        for row, text in enumerate(texts):
            log10, count, strange = 0.0, 0, 0
            for line in self._lines(text):
                words = line.split()
                if words:
                    log10 += self._model.score(line)
                    count += len(words) + 1
                    strange += sum(word not in self._model for word in words)
            if count:
                found[row] = 10.0 ** min(-log10 / count, 300.0)
                unknown[row] = strange / count
        return found, unknown

    def _lines(self, text: str) -> list[str]:
        if self._pieces is None:
            return text.split("\n")
        return [" ".join(self._pieces.encode(ccnet_normal(text), out_type=str))]


# CCNet's replacements of punctuation.
_PUNCTUATION = {
    '"': "„”“«»」「《》",
    "'": "´’",
    ",": "，、",
    ".": "。",
    ":": "∶：",
    "-": "–━►",
    "?": "？",
    "!": "！",
    "(": "（",
    ")": "）",
    ";": "；",
    "~": "～",
    "<": "〈",
    ">": "〉",
    "[": "【",
    "]": "】",
    "%": "％",
    " - ": "—",
    ". ": "．",
    "...": "…",
}


@functools.cache
def _replacements() -> dict[int, str | None]:
    found: dict[int, str | None] = dict.fromkeys([*range(32), *range(127, 160)])
    found.update({ord(mark): plain for plain, marks in _PUNCTUATION.items() for mark in marks})
    return found


def ccnet_normal(text: str) -> str:
    """A text as CCNet prepares it: lower case, no accents, digits as 0, plain punctuation, no control characters."""
    decomposed = unicodedata.normalize("NFD", text.strip().lower())
    kept = (
        "0" if character.isdecimal() else character
        for character in decomposed
        if character.isascii() or unicodedata.category(character) != "Mn"
    )
    return "".join(kept).translate(_replacements())
