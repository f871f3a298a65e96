"""One dropped document to show a person after a run."""

from __future__ import annotations

from pipeline.ledger import Ledger
from pipeline.store import open_folder
from pipeline.store.parquet import read_table


def example_id(out: str) -> str | None:
    """The id of a dropped document, from a quality rule if there is one; None if nothing was dropped."""
    folder = open_folder(out)
    ledger = Ledger(folder)
    found = None
    for receipt in ledger.closed("filter"):
        for output in receipt.outputs:
            if output.folder == "dropped" and output.rows and folder.exists(output.name):
                for row in read_table(folder, output.name, ["id", "reason"]).to_pylist():
                    found = found or row["id"]
                    if str(row["reason"]).startswith("gopher"):
                        return str(row["id"])
    return str(found) if found else None
