"""A served run as a side of a comparison: what its snapshot holds in memory is not read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from filters.cascade import COLUMNS
from pipeline.cascade import screen_for
from pipeline.screened import Pages, pages

if TYPE_CHECKING:
    from pipeline.compare.run import RunSide
    from pipeline.dashboard.watch import Seen


def side_of(seen: Seen) -> RunSide:
    """The run of a snapshot, made once a snapshot; raises UserError if its filters are not through."""
    from pipeline.compare.run import Held, RunSide

    documents = seen.documents
    whole = not documents.reading and documents.rows > 0
    held = Held(documents.table, lambda: pages_of(seen), documents.share) if whole else None
    return documents.once("side", lambda: RunSide(seen.run, held))


def pages_of(seen: Seen) -> Pages:
    """What the cascade did with the documents of a snapshot, read once; of a sample what is stored with it."""
    return seen.documents.once("pages", lambda: pages(seen.documents.table, _extracted(seen)))


def _extracted(seen: Seen) -> pa.Table | None:
    from pipeline.store.parquet import read_table, schema_of

    screen, folder = screen_for(seen.run.recipe), seen.run.folder
    if screen is None or not screen.looks or not seen.documents.exact:
        return None
    tables = [
        read_table(folder, output.name, ["id", *COLUMNS])
        for _, output in seen.run.files("extract", "extracted")
        if set(COLUMNS) <= set(schema_of(folder, output.name).names)
    ]
    return pa.concat_tables(tables) if tables else None
