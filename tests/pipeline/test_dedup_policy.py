"""Which copy survives: every policy orders documents as it says, and what is not known comes last."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.policy import scores, seconds
from pipeline.errors import UserError

INF = math.inf


def documents() -> pa.Table:
    return pa.table(
        {
            "text": pa.array(["ab", None, "äöü", ""], pa.large_string()),
            "date": pa.array(["2024-02-29T12:00:00Z", None, "2013-05-18", "no date"], pa.string()),
            "quality_score": pa.array([0.5, None, -0.0, float("nan")], pa.float64()),
            "url_words": pa.array([1, 2, 3, None], pa.int32()),
            "marked": pa.array([True, False, None, True]),
            "language": pa.array(["en"] * 4),
        }
    )


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("first", [0, 0, 0, 0]),
        ("longest", [-2, 0, -3, 0]),
        ("best(quality_score)", [-0.5, INF, 0, INF]),
        ("best(-quality_score)", [0.5, INF, 0, INF]),
        ("best(url_words)", [-1, -2, -3, INF]),
        ("best(marked)", [-1, 0, INF, -1]),
        ("oldest", [1709208000, INF, 1368835200, INF]),
        ("newest", [-1709208000, INF, -1368835200, INF]),
    ],
)
def test_the_lowest_score_survives(keep: str, expected: list[float]) -> None:
    found = scores(documents(), keep)
    assert found.dtype == np.float64
    assert found.tolist() == expected
    assert not np.signbit(found[found == 0]).any()
    assert scores(documents().slice(1, 2), keep).tolist() == expected[1:3]
    assert scores(documents().slice(0, 0), keep).tolist() == []


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("quality_scores", "did you mean `quality_score`?"),
        ("language", "no numeric column of this name"),
        ("zzz", "`sluice filters`"),
    ],
)
def test_an_unknown_column_is_named_with_its_neighbour(column: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        scores(documents(), f"best({column})")
    assert f"best({column})" in str(caught.value)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01", 0),
        ("1970", 0),
        ("1970-02", 31 * 86400),
        ("1969-12-31T23:59:59Z", -1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31 23:30-0030", 0),
        ("1970-01-01T02+02", None),
        ("1970-01-01T02:00+02", 0),
        ("1970-01-01t00:00:01.25z", 1.25),
        ("1970-01-01T00:00:01,5", 1.5),
        (" 1970-01-01T00:00:00Z\n", 0),
        ("2024-02-29", 1709164800),
        ("2023-02-29", None),
        ("1900-02-29", None),
        ("2000-02-29", 951782400),
        ("2024-00-10", None),
        ("2024-13-10", None),
        ("2024-04-31", None),
        ("2024-04-00", None),
        ("2024-04-01T24:00:00Z", None),
        ("2024-04-01T12:60:00Z", None),
        ("2016-12-31T23:59:60Z", 1483228800),  # a leap second
        ("2024-04-01T12:00:61Z", None),
        ("20240401", None),
        ("١٩٧٠-01-01", None),
        ("", None),
    ],
)
def test_dates_are_read_as_iso_8601(text: str, expected: float | None) -> None:
    found = seconds(pa.array([text]))[0]
    assert math.isnan(found) if expected is None else found == expected


@settings(max_examples=200, deadline=None)
@given(
    moment=st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),
    east=st.integers(-23 * 60, 23 * 60),
    text=st.sampled_from(["T", " "]),
)
def test_dates_equal_pythons(moment: datetime, east: int, text: str) -> None:
    local = moment.replace(
        microsecond=moment.microsecond // 1000 * 1000, tzinfo=timezone(timedelta(minutes=east))
    )
    expected = (local - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    assert seconds(pa.array([local.isoformat(text)]))[0] == pytest.approx(expected, abs=1e-4)
