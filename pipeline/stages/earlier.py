"""What stages read of an earlier run whose work they take over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.errors import UserError
from pipeline.ledger import Ledger, Output, Receipt
from pipeline.stages.stage import Source
from pipeline.store import Folder, open_folder

if TYPE_CHECKING:
    from pipeline.recipe import Recipe


def receipt_of(source: Source, stage: str) -> tuple[Folder, Receipt]:
    """The earlier run's folder, and its receipt of the shard."""
    folder = open_folder(source.run)
    return folder, Ledger(folder).receipt(stage, source.receipts[stage])


@contextlib.contextmanager
def reading(folder: Folder) -> Iterator[None]:
    """Around reading what the earlier run published: its owner can mend what is damaged."""
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{folder.url} is damaged ({error}): run `sluice repair {folder.url}`") from error


def output_of(receipt: Receipt, under: str) -> Output:
    """The file that a receipt names in a public folder."""
    return next(output for output in receipt.outputs if output.folder == under)


@lru_cache(maxsize=4)
def recipe_of(run: str) -> Recipe:
    """The earlier run's recipe, read once by a process."""
    from pipeline.recipe import read_resolved

    return read_resolved(open_folder(run).read("recipe.yaml").decode(), f"{run}/recipe.yaml")
