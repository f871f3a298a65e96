"""Damaged and made-up input for the record reader and HTTP decoding: no crash, no hang, nothing that adds up wrongly.

`python benchmarks/fuzz_reader.py --minutes 10` mutates files of SLUICE_DATA (made-up ones without it), guided by
coverage where atheris is installed, at random with a seed where it is not. An input is a byte that chooses the packing,
four that damage the packed bytes, and the bytes to pack: so mutations reach what lies under gzip, zstd and zip, too.
Prints executions, crashes and hangs (more processor time than --limit); the inputs that did it are kept in --out. Ends
with exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import zstandard

if "--guided" in sys.argv:
    import atheris

    with atheris.instrument_imports(include=["pipeline"]):
        import pipeline.wacz  # noqa: F401

from pipeline.charset import charset_parameter, decode
from pipeline.http import decode_body, header, parse_response
from pipeline.page import holds_text, response_of, why_no_page
from pipeline.record import Damage, ReadLimits, Record
from pipeline.wacz import read_file

LIMITS = ReadLimits(record_bytes=1 << 16, header_bytes=1 << 14, skipped_bytes=1 << 20)
BODY = 1 << 18  # bytes of a decoded body
LONGEST = 1 << 16  # bytes of an input
_HEAD = 5
_OPENING = b"WARC/1."


class _HangError(BaseException):
    pass


def pieces(data: bytes) -> list[bytes]:
    """`data` cut where records open."""
    cuts, at = [0], data.find(_OPENING, 1)
    while at != -1 and len(cuts) < 200:
        cuts.append(at)
        at = data.find(_OPENING, at + 1)
    return [data[start:end] for start, end in zip(cuts, [*cuts[1:], len(data)], strict=True)]


_DICTIONARY = zstandard.train_dictionary(
    1500,
    [
        f"{_OPENING.decode()}0\r\nWARC-Type: response\r\nContent-Length: {n}\r\n\r\n{n * 7}".encode()
        for n in range(999)
    ],
)


def zst(data: bytes, dictionary: Any = None) -> bytes:
    return zstandard.ZstdCompressor(level=1, dict_data=dictionary, write_checksum=True).compress(data)


def skippable(data: bytes) -> bytes:
    return b"\x5d\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def wacz(data: bytes, method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, compresslevel=1) as archive:
        archive.writestr("archive/a.warc", data)
        archive.writestr("archive/b.warc.gz", gzip.compress(data, 1, mtime=0))
    return out.getvalue()


PACKINGS: list[Callable[[bytes], bytes]] = [
    lambda data: data,
    lambda data: b"".join(gzip.compress(piece, 1, mtime=0) for piece in pieces(data)),
    lambda data: gzip.compress(data, 1, mtime=0),
    lambda data: b"".join(map(zst, pieces(data))),
    lambda data: (
        skippable(_DICTIONARY.as_bytes()) + b"".join(zst(piece, _DICTIONARY) for piece in pieces(data))
    ),
    lambda data: zst(data),
    lambda data: wacz(data, zipfile.ZIP_STORED),
    lambda data: wacz(data, zipfile.ZIP_DEFLATED),
]
HTTP = len(PACKINGS)  # the choice after the packings: the bytes are a response


def packed(data: bytes) -> bytes:
    """The file that an input stands for."""
    made = bytearray(PACKINGS[data[0] % (HTTP + 1)](data[_HEAD:]))
    place, size, value = int.from_bytes(data[1:3], "little"), data[3] % 64, data[4]
    if size and made:
        at = place % len(made)
        made[at : at + size] = bytes([value]) * len(made[at : at + size])
    return bytes(made)


def check_file(data: bytes) -> None:
    """Read a file whole and in two ranges, and follow its records as far as their text."""
    events = list(read_file(io.BytesIO(data), limits=LIMITS))
    assert events, "not even a failure"
    for event in events:
        assert event.offset >= 0 <= event.length
        assert event.offset_in in ("file", "stream")
        if isinstance(event, Damage):
            assert event.message
        else:
            check_record(event)
    cut = len(data) // 2
    parts = [
        *read_file(io.BytesIO(data), 0, cut, limits=LIMITS),
        *read_file(io.BytesIO(data), cut, None, limits=LIMITS),
    ]
    assert [signature(event) for event in parts] == [signature(event) for event in events], "ranges differ"


def signature(event: Record | Damage) -> tuple[str, int, int]:
    return (event.kind if isinstance(event, Damage) else event.type, event.offset, event.length)


def check_record(record: Record) -> None:
    assert len(record.body) <= LIMITS.record_bytes
    assert record.date is None or len(record.date) == 20
    assert record.length > 0 or record.offset_in == "file"
    if record.type in ("response", "resource", "conversion") and not holds_text(record):
        why_no_page(record, response_of(record))
        check_http(record.body)


def check_http(block: bytes) -> None:
    response = parse_response(block)
    body = decode_body(response, BODY)
    assert len(body.data) <= BODY
    assert body.fault in (None, "bad_http", "bad_encoding", "oversize")
    text = decode(body.data, charset_parameter(header(response.headers, "content-type"))).text
    text.encode("utf-8")
    assert "\0" not in text


class Session:
    """Runs inputs within a limit of processor time, counts, and keeps what fails."""

    def __init__(self, out: Path, limit: float) -> None:
        self.out, self.limit = out, limit
        self.found: dict[str, Any] = {"executions": 0, "crashes": {}, "hangs": [], "slowest_seconds": 0.0}
        self._written = 0.0
        out.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGPROF, self._hang)

    @staticmethod
    def _hang(number: int, frame: FrameType | None) -> None:
        raise _HangError

    def run(self, data: bytes) -> None:
        """One input."""
        if len(data) <= _HEAD:
            return
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, self.limit)
        try:
            check_http(data[_HEAD:]) if data[0] % (HTTP + 1) == HTTP else check_file(packed(data))
        except _HangError:
            self.found["hangs"].append(self._keep(data, "hang"))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} {Path(last.filename).name}:{last.lineno}"
            if where not in self.found["crashes"]:
                self.found["crashes"][where] = self._keep(data, "crash")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        self.found["executions"] += 1
        took = time.process_time() - began
        self.found["slowest_seconds"] = max(self.found["slowest_seconds"], round(took, 3))
        if time.monotonic() - self._written > 1:
            self.write()

    def _keep(self, data: bytes, kind: str) -> str:
        path = self.out / f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}"
        path.write_bytes(data)
        self.write()
        return path.name

    def write(self) -> None:
        """The counts so far, where the parent process finds them: libFuzzer ends without coming back."""
        (self.out / "found.json").write_text(json.dumps(self.found))
        self._written = time.monotonic()


def seeds() -> list[bytes]:
    """Small files of the real data under every packing, the plain bytes inside them, and their responses."""
    plain = [b"".join(made_up(number) for number in range(3))]
    raw = []
    folder = os.environ.get("SLUICE_DATA")
    if folder:
        for path in sorted(
            [*Path(folder, "warc_broken").glob("*warc*"), *Path(folder, "warc_odd").iterdir()]
        ):
            data = path.read_bytes()
            if len(data) <= LONGEST - _HEAD:
                raw.append(data)
            try:
                data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            except (OSError, EOFError, zlib.error):
                continue
            plain.append(data[: LONGEST - _HEAD])
    found = [bytes(_HEAD) + data for data in raw]
    found += [bytes([number % HTTP]) + bytes(4) + data for number, data in enumerate(plain)]
    for data in plain:
        for event in read_file(io.BytesIO(data), limits=LIMITS):
            if isinstance(event, Record) and event.body.startswith(b"HTTP/"):
                found.append(bytes([HTTP]) + bytes(4) + event.body[: LONGEST - _HEAD])
    return found


def made_up(number: int) -> bytes:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(
        b"<p>%d" % number
    )
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a/%d\r\nContent-Length: %d\r\n\r\n"
    return head % (number, len(page)) + page + b"\r\n\r\n"


_TOKENS = [
    b"WARC/1.0\r\n", b"\r\n\r\n", b"Content-Length: 9\r\n", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PK\3\4", b"\0" * 40,
    b"HTTP/1.1 200 OK\r\n", b"Content-Encoding: br\r\n", b"-1", b"99999999999",
    b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
]  # fmt: skip


def mutate(draw: random.Random, corpus: list[bytes]) -> bytes:
    """A seed after one to four random changes."""
    data = bytearray(draw.choice(corpus))
    if draw.random() < 0.5:
        data[0] = draw.randrange(256)
    if draw.random() < 0.3:
        data[1:_HEAD] = draw.randbytes(4)
    for _ in range(draw.randint(1, 4)):
        at, size = draw.randrange(_HEAD, len(data) + 1), draw.choice([1, 1, 4, 60, 2000])
        match draw.randrange(6):
            case 0 if at < len(data):
                data[at] ^= 1 << draw.randrange(8)
            case 1:
                data[at : at + size] = draw.randbytes(min(size, 60))
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = data[draw.randrange(_HEAD, len(data) + 1) :][:size]
            case 4:
                data[at:at] = draw.choice(_TOKENS)
            case _:
                data[at:] = draw.choice(corpus)[-size:]
        if len(data) <= _HEAD:
            break
    return bytes(data[:LONGEST])


def at_random(session: Session, seconds: float, executions: int, seed: int) -> None:
    draw, corpus = random.Random(seed), seeds()
    for data in corpus:
        session.run(data)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and session.found["executions"] < executions:
        session.run(mutate(draw, corpus))
    session.write()


def guided(session: Session, seconds: float) -> None:
    """Does not return."""
    folder = session.out / "corpus"
    folder.mkdir(exist_ok=True)
    for data in seeds():
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    options = [
        f"-max_total_time={int(seconds)}",
        f"-max_len={LONGEST}",
        "-timeout=600",
        "-rss_limit_mb=4096",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(folder)], session.run)
    atheris.Fuzz()


def report(found: dict[str, Any], engine: str, seconds: float) -> int:
    print(
        f"{engine}: {found['executions']:,} executions in {seconds:.0f} s, slowest {found['slowest_seconds']:.2f} s"
    )
    print(f"{len(found['crashes'])} crashes, {len(found['hangs'])} hangs")
    for where, name in found["crashes"].items():
        print(f"  {name}  {where}")
    for name in found["hangs"]:
        print(f"  {name}")
    return 1 if found["crashes"] or found["hangs"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--limit", type=float, default=5.0, help="seconds of processor time an input")
    parser.add_argument("--out", type=Path, default=Path("fuzz"), help="folder for what fails")
    parser.add_argument("--engine", choices=["atheris", "random"], help="default: atheris if it is installed")
    parser.add_argument("--seed", type=int, default=0, help="of the random engine")
    parser.add_argument("--executions", type=int, default=1 << 60, help="of the random engine, at most")
    parser.add_argument("--guided", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("inputs", nargs="*", type=Path, help="run these kept inputs again, and nothing else")
    options = parser.parse_args()
    session, began = Session(options.out, options.limit), time.monotonic()
    engine = options.engine or ("atheris" if importlib.util.find_spec("atheris") else "random")
    if options.inputs:
        engine = "inputs"
        for path in options.inputs:
            session.run(path.read_bytes())
    elif options.guided:
        guided(session, 60 * options.minutes)
    elif engine == "atheris":
        command = [sys.executable, __file__, "--guided", "--minutes", str(options.minutes)]
        with open(options.out / "log.txt", "wb") as log:
            subprocess.run(
                [*command, "--limit", str(options.limit), "--out", options.out], stdout=log, stderr=log
            )
        session.found = json.loads((options.out / "found.json").read_text())
    else:
        at_random(session, 60 * options.minutes, options.executions, options.seed)
    return report(session.found, engine, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
