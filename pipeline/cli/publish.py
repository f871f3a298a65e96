"""Verbs that write what is shown to others: report."""

from __future__ import annotations

from pipeline.cli.arguments import Price
from pipeline.cli.inspect import RunFolder
from pipeline.ledger import CORE_HOUR_PRICE
from pipeline.store import open_folder


def report(run: RunFolder, price: Price = CORE_HOUR_PRICE) -> None:
    """Write RUN/report.html, one self-contained file.

    Example: sluice report run
    """
    from pipeline.cli.execute import publish_report
    from pipeline.stats import require_run

    folder = open_folder(run)
    require_run(folder)
    publish_report(folder, price)
    print(f"{folder.url}/report.html")
