"""The dataset card of a run: `README.md` as the Hugging Face hub reads it, with numbers of the ledger alone.

A run that was stopped anywhere has one: what is not there yet is left out, and the card says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.ledger import CORE_HOUR_PRICE

if TYPE_CHECKING:
    from pipeline.store import Folder

__all__ = ["CARD", "card_of", "write_card"]

CARD = "README.md"
INPUTS = "inputs.paths"  # the path list that the commands name where the inputs are too many for a line


def card_of(folder: Folder, price: float = CORE_HOUR_PRICE) -> str:
    """The card of a run as Markdown, its cost at `price` a core-hour.

    Raises UserError when this is no run folder, or when a file of the corpus is damaged.
    """
    from pipeline.card.page import render
    from pipeline.report.run import open_run

    return render(open_run(folder), price)


def write_card(folder: Folder, price: float = CORE_HOUR_PRICE) -> None:
    """Publish the card in the run folder, so that `datasets.load_dataset` reads the corpus that lies there.

    Of many inputs `inputs.paths` is published, too: a path list that the card's commands name. Raises as `card_of`.
    """
    from pipeline.card.page import MANY, render
    from pipeline.report.provenance import without_credentials
    from pipeline.report.run import open_run

    run = open_run(folder)
    listed = f"{folder.url}/{INPUTS}" if len(run.inputs) > MANY else None
    text = render(run, price, listed)
    if listed is not None:
        paths = (without_credentials(file.path) for file in run.inputs)
        folder.replace(INPUTS, "".join(f"{path}\n" for path in paths).encode())
    folder.replace(CARD, text.encode())
