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
CROISSANT = "croissant.json"
INPUTS = "inputs.paths"  # the path list that the commands name where the inputs are too many for a line


def card_of(folder: Folder, price: float = CORE_HOUR_PRICE) -> str:
    """The card of a run as Markdown, its cost at `price` a core-hour.

    Raises UserError when this is no run folder, or when a file of the corpus is damaged.
    """
    from pipeline.card.contents import contents
    from pipeline.card.page import render
    from pipeline.report.run import open_run

    run = open_run(folder)
    return render(run, contents(run), price)


def write_card(folder: Folder, price: float = CORE_HOUR_PRICE) -> list[str]:
    """Publish the card in the run folder, so that `datasets.load_dataset` reads the corpus that lies there.

    With it `croissant.json` once there is a corpus, and for many inputs `inputs.paths`, a path list that the card's
    commands name. Returns the names of the files, the card first. Raises as `card_of`.
    """
    from pipeline.card.contents import contents
    from pipeline.card.croissant import croissant
    from pipeline.card.page import MANY, render
    from pipeline.report.provenance import without_credentials
    from pipeline.report.run import open_run

    run = open_run(folder)
    found = contents(run)
    files = {CARD: ""}
    listed = None
    if len(run.inputs) > MANY:
        listed = f"{folder.url}/{INPUTS}"
        files[INPUTS] = "".join(f"{without_credentials(file.path)}\n" for file in run.inputs)
    if found is not None and found.under == "corpus":
        files[CROISSANT] = croissant(run, found)
    files[CARD] = render(run, found, price, listed)
    for name, text in files.items():
        folder.replace(name, text.encode())
    if CROISSANT not in files:
        folder.remove(CROISSANT)  # of files that are no longer there
    return list(files)
