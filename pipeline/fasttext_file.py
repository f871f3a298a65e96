"""Opens fastText models by path: mapped, so that the processes of a machine share a model's pages."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from filters.models.fasttext_model import Model


def open_model(path: Path | str) -> Model:
    """The classifier in a file, `.bin` or `.ftz`. UsageError names the file and says what is wrong with it."""
    from filters.models.fasttext_model import FastTextError, Model

    try:
        with Path(path).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return Model(mapped)
    except (OSError, ValueError) as error:  # an empty file cannot be mapped; FastTextError is a ValueError
        said = (
            str(error) if isinstance(error, FastTextError) else getattr(error, "strerror", None) or str(error)
        )
        raise UsageError(f"{path}: {said}") from None
