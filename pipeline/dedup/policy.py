"""Which of several copies survives (`keep` of a recipe), as a number a document: the lowest one survives.

Of equal numbers the first document survives. A document without the date or value that is asked for comes last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.settings import policy
from pipeline.errors import UserError, nearest

Array = np.ndarray[Any, Any]

# ISO 8601 in its long form: a year, and as much more as is known.
_DATE = (
    r"^(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<fraction>[.,][0-9]+)?)?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<east>[0-9]{2})(?::?(?P<past>[0-9]{2}))?)?)?)?)?$"
)
_HIGHEST = {"month": 12, "hour": 23, "minute": 59, "second": 60, "east": 23, "past": 59}


def scores(table: pa.Table, keep: str) -> Array:
    """The policy's number of each document, (n,) of float64, of which the lowest survives.

    Raises UserError where the documents have no numeric column of the name that `best` asks for.
    """
    chosen = policy(keep)
    if chosen.name == "first":
        return np.zeros(table.num_rows)
    if chosen.name == "longest":
        lengths = pc.fill_null(pc.utf8_length(table["text"]), 0)
        return _lowest_first(-np.asarray(lengths, np.float64))
    if chosen.name == "best":
        return _lowest_first(-chosen.sign * _values(table, chosen.column))
    return _lowest_first(seconds(table["date"]) * (-1 if chosen.name == "newest" else 1))


def _lowest_first(values: Array) -> Array:
    # Adding zero makes -0 to 0, whose bytes differ.
    return np.asarray(np.where(np.isnan(values), np.inf, values) + 0.0, np.float64)


def _values(table: pa.Table, name: str) -> Array:
    numeric = [field.name for field in table.schema if _is_number(field.type)]
    if name not in numeric:
        hint = nearest(name, numeric) or "; see `sluice filters` for the signals of each filter"
        raise UserError(f"dedup.keep: best({name}): the documents have no numeric column of this name{hint}")
    return np.asarray(pc.fill_null(table[name].cast(pa.float64()), np.nan), np.float64)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def seconds(dates: pa.Array | pa.ChunkedArray) -> Array:
    """Seconds since 1970 in UTC of ISO 8601 dates, (n,) of float64; NaN where there is none."""
    column = dates.combine_chunks() if isinstance(dates, pa.ChunkedArray) else dates
    parts = pc.extract_regex(pc.utf8_trim_whitespace(column), _DATE)

    def part(name: str, otherwise: str = "0") -> Array:
        texts = pc.fill_null(pc.struct_field(parts, name), "")
        return np.asarray(pc.if_else(pc.equal(texts, ""), otherwise, texts).cast(pa.int64()))

    found = np.asarray(parts.is_valid())
    month, day = part("month", "1"), part("day", "1")
    months = ((part("year") - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    found &= (month >= 1) & (day >= 1) & (days.astype("datetime64[M]") == months)
    for name, highest in _HIGHEST.items():
        found &= part(name) <= highest
    fraction = pc.replace_substring(pc.fill_null(pc.struct_field(parts, "fraction"), ""), ",", ".")
    fraction = pc.if_else(pc.equal(fraction, ""), "0", pc.binary_join_element_wise("0", fraction, ""))
    east = np.where(np.asarray(pc.fill_null(pc.equal(pc.struct_field(parts, "sign"), "-"), False)), -1, 1)
    minutes = (days.astype(np.int64) * 24 + part("hour")) * 60 + part("minute")
    minutes -= east * (part("east") * 60 + part("past"))
    total = minutes * 60.0 + part("second") + np.asarray(fraction.cast(pa.float64()))
    return np.where(found, total, np.nan)
