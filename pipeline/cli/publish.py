"""Verbs that write what is shown to others: report, card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

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


def card(
    run: RunFolder,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="where to write it; - prints it (default: RUN/README.md)"),
    ] = None,
    price: Price = CORE_HOUR_PRICE,
) -> None:
    """Write RUN/README.md, a dataset card as the Hugging Face hub reads it, with the numbers of the ledger.

    With it RUN/croissant.json, which says the same to machines, and for many inputs RUN/inputs.paths.

    Example: sluice card run
    """
    from pipeline.card import card_of, write_card

    folder = open_folder(run)
    if out is None:
        for name in write_card(folder, price):
            print(f"{folder.url}/{name}")
        return
    text = card_of(folder, price)
    if out == "-":
        sys.stdout.write(text)
        return
    path = Path(out)
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}")
    path.write_text(text, encoding="utf-8")
    print(path)
