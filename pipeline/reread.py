"""Single records of a file by the offsets that an earlier reading gave them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from pipeline.errors import UserError
from pipeline.inputs import name_of, open_input
from pipeline.record import ReadLimits, Record
from pipeline.wacz import read_file
from pipeline.warc import read_records

_GZIP = b"\x1f\x8b\x08"


class Place(NamedTuple):
    """Where a record lies: bytes of the file as stored ("file"), or of the decompressed WARC ("stream")."""

    offset: int
    length: int
    offset_in: str


def records_at(
    path: str, start: int, end: int, places: Sequence[Place], limits: ReadLimits
) -> Iterator[Record]:
    """The records at `places`, in order, of those that start in bytes [`start`, `end`) of `path`.

    Records that are gzip members of their own are read alone; else the range (of a stream: the file) is read through.
    Raises UserError where the file is gone, or holds no such record.
    """
    try:
        file = open_input(path)
    except FileNotFoundError:
        raise UserError(
            f"{len(places)} record(s) of {path} have to be read again, and it is gone: put it back first"
        ) from None
    with file:
        if all(_alone(file, place) for place in places):
            found: Iterator[Record | None] = (_member(file, place, limits) for place in places)
        else:
            found = _through(file, name_of(path), start, end, places, limits)
        number = 0
        for number, record in enumerate(found, 1):
            if record is None:
                raise UserError(
                    f"{path} does not hold the record at {places[number - 1].offset} that it held"
                )
            yield record
        if number != len(places):
            raise UserError(f"{path} does not hold {len(places) - number} of the records that it held")


def _alone(file: IO[bytes], place: Place) -> bool:
    file.seek(place.offset)
    return place.offset_in == "file" and place.length > 0 and file.read(len(_GZIP)) == _GZIP


def _member(file: IO[bytes], place: Place, limits: ReadLimits) -> Record | None:
    file.seek(place.offset)
    events = list(read_records(io.BytesIO(file.read(place.length)), limits=limits))
    if len(events) != 1 or not isinstance(events[0], Record):
        return None
    events[0].offset = place.offset
    return events[0]


def _through(
    file: IO[bytes], name: str, start: int, end: int, places: Sequence[Place], limits: ReadLimits
) -> Iterator[Record]:
    wanted = {place.offset for place in places}
    for event in read_file(file, start, end, name=name, limits=limits):
        if isinstance(event, Record) and event.offset in wanted:
            yield event
