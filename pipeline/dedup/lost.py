"""Tokens lost to duplicates, by the year of the crawl that the documents are from.

How much removal takes says little; where it takes it says more. FineWeb compared all crawls at once, and the old ones
lost most: what was left of them was worse than what had been removed (Penedo et al. 2024). Its documents are compared
within each crawl.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec


class YearLoss(msgspec.Struct, frozen=True):
    """What became of the documents of one year."""

    year: str  # "unknown" where neither crawl nor date tells, "all" of the row that adds them up
    tokens: int  # before removal, estimated
    lost: int  # of these, in removed documents
    share: float  # lost of all


def by_year(sizes: Mapping[str, int], lost: Mapping[str, int]) -> list[YearLoss]:
    """Rows by ascending year, then those of an unknown year (0), then all; from bytes of text by year."""
    from filters.models.calibration import BYTES_PER_TOKEN

    def row(year: str, whole: int, part: int) -> YearLoss:
        share = round(part / whole, 6) if whole else 0.0
        return YearLoss(year, round(whole / BYTES_PER_TOKEN), round(part / BYTES_PER_TOKEN), share)

    years = sorted((int(year) for year, number in sizes.items() if number), key=lambda year: (not year, year))
    rows = [row(str(year) if year else "unknown", sizes[str(year)], lost.get(str(year), 0)) for year in years]
    return [*rows, row("all", sum(sizes.values()), sum(lost.values()))] if rows else []


def lines(rows_by_scope: Mapping[str, Sequence[YearLoss]]) -> Iterator[str]:
    """A table of plain lines: a row a year, tokens, and what each scope takes of them."""
    first = next(iter(rows_by_scope.values()))
    yield f"{'crawled in':<12}{'tokens':>14}" + "".join(f"{scope:>14}{'share':>9}" for scope in rows_by_scope)
    for at, one in enumerate(first):
        found = [rows[at] for rows in rows_by_scope.values()]
        taken = "".join(f"{row.lost:>14,}{100 * row.share:>7.1f} %" for row in found)
        yield f"{one.year:<12}{one.tokens:>14,}{taken}"
