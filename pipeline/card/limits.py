"""What a card has to say against its own corpus: what is missing, was not checked, was left out or is known to err."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from pipeline.card.markdown import code

if TYPE_CHECKING:
    from pipeline.card.contents import Contents
    from pipeline.report.run import Run

_MOST = 10  # of a list of names


def limits(run: Run, found: Contents | None) -> list[Markup]:
    """One sentence or two for each, the gravest first."""
    return [*_missing(run, found), *_left_out(run), *_contamination(run), *_personal_data(run), *_always(run)]


def _names(names: list[str]) -> Markup:
    shown = Markup(", ").join(code(name) for name in names[:_MOST])
    return shown + Markup(f" and {len(names) - _MOST:,} more") if len(names) > _MOST else shown


def _missing(run: Run, found: Contents | None) -> list[Markup]:
    said = []
    if found is not None and found.under != "corpus":
        said.append(
            Markup(
                "These documents passed the filters and no more: duplicates stand in them and **personal data is not "
                "masked**. Do not publish them; `sluice run` with the same recipe goes on to the corpus."
            )
        )
    if found is None or found.gone:
        what = f"{found.gone:,} of its files are" if found is not None else "The documents are"
        said.append(Markup(f"{what} not in this folder, so that this card cannot describe them."))
    if lost := [one.shard for shards in run.lost.values() for one in shards]:
        shards = "shard was" if len(lost) == 1 else "shards were"
        said.append(
            Markup(
                f"{len(lost):,} {shards} given up after every attempt failed; their documents count as failed: "
            )
            + _names(lost)
        )
    if gone := sum(file.size < 0 for file in run.inputs):
        said.append(Markup(f"{gone:,} of {len(run.inputs):,} input files were not there when the run began."))
    return said


def _left_out(run: Run) -> list[Markup]:
    if run.recipe.filters is None:
        return [Markup("The recipe has no filters: nothing was judged by its text.")]
    return [
        Markup("The filter ")
        + code(one.filter)
        + Markup(" was left out: the recipe gives no file for ")
        + code(one.asset)
        for one in run.recipe.left_out
    ]


def _contamination(run: Run) -> list[Markup]:
    counts = run.counts["contamination"]
    if not counts:
        return [
            Markup(
                "**Not checked for benchmarks**: items of evaluation sets that stand on the web may stand here, too."
            )
        ]
    met = sum(one["matched"] for one in counts.values())
    items = sum(one["items"] for one in counts.values())
    return [
        Markup(
            f"Checked for {len(counts):,} benchmark{'s' if len(counts) > 1 else ''}: {met:,} of {items:,} items were "
            f"met, and {run.counts['removed']['contaminated']:,} documents removed for it. Others were not looked for."
        )
    ]


def _personal_data(run: Run) -> list[Markup]:
    if run.recipe.pii is None:
        return [Markup("**Personal data is not masked**: the recipe leaves masking out.")]
    return [
        Markup(
            "Personal data is found by patterns, check digits and the words beside it: names, postal addresses and "
            "what has another form stay. Addresses of pages (column `url`) are not masked."
        )
    ]


def _always(run: Run) -> list[Markup]:
    said = []
    if not run.recipe.robots:
        said.append(
            "robots.txt was not given: what it says of a page is known only where the crawler obeyed it."
        )
    said.append("Languages are a model's guess; short and mixed pages are often labelled wrongly.")
    said.append(
        "The rules were published for some languages and judge others by the same thresholds, unless the recipe says."
    )
    said.append(
        "Web text holds errors, bias and offensive content; no rule here judges whether a page is true."
    )
    return list(map(Markup, said))
