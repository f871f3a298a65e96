"""The report of a run: one self-contained HTML file that reads only the ledger and the published files.

`write_report` works on a run that was stopped anywhere: what is not there yet is left out and said so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.ledger import CORE_HOUR_PRICE

if TYPE_CHECKING:
    from pipeline.store import Folder

__all__ = ["write_report"]

REPORT = "report.html"


def write_report(folder: Folder, price: float = CORE_HOUR_PRICE) -> None:
    """Publish `report.html` in a run folder, its cost at `price` a core-hour; UserError when this is no run folder."""
    from pipeline.report.page import render
    from pipeline.report.run import open_run

    folder.replace(REPORT, render(open_run(folder), price).encode())
