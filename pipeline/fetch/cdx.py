"""Lines of a CDX index: which record lies where.

Three forms: CDXJ (`urlkey timestamp {json}`), one JSON object a line as an index server sends with `output=json`, and
CDX with 11 fields (`N b a m s k r M S V g`).
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pipeline.errors import UsageError
from pipeline.fetch.crawls import is_path

_LEGEND = "N b a m s k r M S V g"
_STORE = "s3://commoncrawl/"
LARGEST = 256 << 20  # bytes of one compressed record
_REVISIT = "warc/revisit"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One record that an index names: bytes [`offset`, `offset + length`) of `file`, compressed."""

    file: str
    offset: int
    length: int
    digest: str | None = None  # of the payload, SHA-1 in base 32
    url: str | None = None
    revisit: bool = False  # says that another record has the payload


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """A line that names no record."""

    line: int
    why: str


class _Fields(msgspec.Struct):
    """What an index server tells of a record."""

    filename: str
    offset: str | int
    length: str | int
    digest: str | None = None
    url: str | None = None
    mime: str | None = None


def wanted(
    file: str, offset: object, length: object, digest: str | None, url: str | None, mime: str | None
) -> Wanted:
    """A record from an index' fields; raises ValueError that says what is wrong with them."""
    path = file.removeprefix(_STORE)
    if not is_path(path):
        raise ValueError(f"{file[:80]!r} is no path of a WARC file")
    start, count = _whole(offset), _whole(length)
    if start is None or count is None or count == 0:
        raise ValueError(f"offset {str(offset)[:20]!r} and length {str(length)[:20]!r} are no range")
    if count > LARGEST:
        raise ValueError(f"a record of {count} bytes: more than {LARGEST}")
    digest = (digest or "").removeprefix("sha1:")
    return Wanted(
        file=path,
        offset=start,
        length=count,
        digest=digest if digest not in ("", "-") else None,
        url=url,
        revisit=mime == _REVISIT,
    )


def _whole(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _read_line(line: str) -> Wanted:
    at = 0 if line.startswith("{") else line.find(" {")
    if at >= 0:
        fields = msgspec.json.decode(line[at:].strip(), type=_Fields)
        return wanted(fields.filename, fields.offset, fields.length, fields.digest, fields.url, fields.mime)
    parts = line.split(" ")
    if len(parts) != 11:
        raise ValueError(f"neither JSON nor 11 fields, but {len(parts)}")
    _, _, url, mime, _, digest, _, _, length, offset, file = parts
    return wanted(file, offset, length, digest, url, mime)


def read_cdx(lines: Iterable[str]) -> Iterator[Wanted | Unread]:
    """A record, or why there is none, for each line that says something; raises UsageError for other fields' legend."""
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith("CDX "):
            if line[4:] != _LEGEND:
                raise UsageError(f"line {number}: CDX with the fields {line[4:60]!r}, not {_LEGEND!r}")
            continue
        if not line:
            continue
        try:
            yield _read_line(line)
        except (ValueError, msgspec.DecodeError) as error:
            yield Unread(line=number, why=str(error))


def read_cdx_file(path: str) -> list[Wanted | Unread]:
    """Every line of a CDX file, `.gz` too, or of standard input (`-`); raises UsageError if none names a record."""
    try:
        if path == "-":
            stdin = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
            found = list(read_cdx(stdin))
        elif path.endswith(".gz"):
            with gzip.open(path, "rt", encoding="utf-8", errors="replace") as packed:
                found = list(read_cdx(packed))
        else:
            with Path(path).open(encoding="utf-8", errors="replace") as file:
                found = list(read_cdx(file))
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"--cdx {path}: {getattr(error, 'strerror', None) or error}") from error
    if not any(isinstance(one, Wanted) for one in found):
        why = next((f" (line {one.line}: {one.why})" for one in found if isinstance(one, Unread)), "")
        raise UsageError(f"--cdx {path}: no line names a record{why}")
    return found
