"""HTTP responses as crawlers store them: odd headers, codings that hold and codings that lie, bombs."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.http import HEADER_BYTES, Body, dechunk, decode_body, header, parse_response

LIMIT = 1 << 20
PAGE = b"<html><body>" + b"A page with some text in it. " * 40 + b"</body></html>"


def body(data: bytes, *headers: str, limit: int = LIMIT) -> Body:
    head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *headers, ""))
    return decode_body(parse_response(head.encode() + data), limit)


def chunked(data: bytes, size: int = 100, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    lines = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
    return lines + b"0\r\n" + trailer + b"\r\n"


def raw_deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(data) + deflater.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize(
    ("head", "status", "headers"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, [("a", "b")]),
        (b"HTTP/1.1 404\r\nA:b\r\n\r\n", 404, [("a", "b")]),
        (b"HTTP/1.0 200 OK\nA: b\nC: d\n\n", 200, [("a", "b"), ("c", "d")]),
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, []),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n\td\r\n\r\n", 200, [("a", "b c d")]),
        (b"HTTP/1.1 200 OK\r\nA: caf\xc3\xa9\r\nB: caf\xe9\r\n\r\n", 200, [("a", "café"), ("b", "café")]),
        (b"HTTP/1.1 200 OK\r\nno colon\r\nA: b\r\n\r\n", 200, [("a", "b")]),
        (b"http/2 200\r\nA: b: c\r\n\r\n", 200, [("a", "b: c")]),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", 200, [("a", "b")]),
        (b"", None, []),
    ],
)
def test_heads(head: bytes, status: int | None, headers: list[tuple[str, str]]) -> None:
    response = parse_response(head + b"<p>body</p>")
    assert (response.status, response.headers, response.raw) == (status, headers, b"<p>body</p>")
    assert response.fault is None


def test_bodies_without_a_blank_line_before_them() -> None:
    assert parse_response(b"HTTP/1.0 200 OK\r\n<html>x").raw == b"<html>x"


@pytest.mark.parametrize(
    "block", [b"HTTP/1.1 abc\r\n\r\nx", b"HTTP/1.1\r\n\r\nx", b"HTTP/1.1 20000 OK\r\n\r\nx"]
)
def test_status_lines_without_a_status(block: bytes) -> None:
    response = parse_response(block)
    assert (response.fault, decode_body(response, LIMIT).fault) == ("bad_http", "bad_http")


def test_headers_without_end_are_refused() -> None:
    block = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * HEADER_BYTES
    assert parse_response(block).fault == "bad_http"


def test_header_looks_up_the_first_value() -> None:
    headers = [("a", "1"), ("a", "2")]
    assert (header(headers, "a"), header(headers, "b")) == ("1", None)


@given(st.binary(max_size=3000), st.integers(1, 500), st.sampled_from([b"", b";name=value"]))
def test_chunks_round_trip(data: bytes, size: int, extension: bytes) -> None:
    assert dechunk(chunked(data, size, extension, b"X-Trailer: 1\r\n")) == (data, None)


@given(st.binary(max_size=400))
def test_any_bytes_can_be_dechunked(data: bytes) -> None:
    result, _ = dechunk(data)
    assert len(result) <= len(data)


def test_chunks_that_break_off_keep_what_came() -> None:
    whole = chunked(PAGE)
    assert dechunk(whole[: len(whole) // 2])[1] == "bad_chunks"
    assert PAGE.startswith(dechunk(whole[:500])[0])
    assert dechunk(whole.removesuffix(b"0\r\n\r\n"))[0] == PAGE
    wrong = whole.replace(b"\r\n64\r\n", b"\r\nzz\r\n", 1)
    assert dechunk(wrong) == (PAGE[:100] + wrong[wrong.index(b"zz") :], "bad_chunks")


def test_bodies_that_are_not_chunked_whatever_the_header_says() -> None:
    assert body(PAGE, "Transfer-Encoding: chunked") == Body(data=PAGE)
    hexadecimal = b"beef\nis not a chunk size here\n" * 3
    assert body(hexadecimal, "Transfer-Encoding: chunked") == Body(data=hexadecimal)
    assert body(PAGE, "X-Crawler-Transfer-Encoding: chunked", "X-Crawler-Content-Encoding: br") == Body(
        data=PAGE
    )


@pytest.mark.parametrize("coding", ENCODERS)
def test_content_encodings(coding: str) -> None:
    packed = ENCODERS[coding](PAGE)
    assert body(packed, f"Content-Encoding: {coding}") == Body(data=PAGE)
    assert body(chunked(packed), f"Content-Encoding: {coding}", "Transfer-Encoding: chunked") == Body(
        data=PAGE
    )
    assert body(PAGE, f"Content-Encoding: {coding}") == Body(data=PAGE), "already decoded"


@pytest.mark.parametrize("coding", ENCODERS)
def test_encodings_that_break_off_keep_what_came(coding: str) -> None:
    long = bytes(range(256)) * 700
    found = body(ENCODERS[coding](long)[:-5], f"Content-Encoding: {coding}")
    assert found.problem == "bad_encoding"
    assert long.startswith(found.data)


@pytest.mark.parametrize("coding", ENCODERS)
def test_bombs_stop_at_the_limit(coding: str) -> None:
    packed = ENCODERS[coding](bytes(50 * LIMIT))
    assert body(packed, f"Content-Encoding: {coding}") == Body(data=b"", fault="oversize")


def test_nested_encodings() -> None:
    assert body(gzip.compress(brotli.compress(PAGE)), "Content-Encoding: br, gzip").data == PAGE
    assert (
        body(gzip.compress(brotli.compress(PAGE)), "Content-Encoding: br", "Content-Encoding: gzip").data
        == PAGE
    )
    assert body(PAGE, "Content-Encoding: " + "gzip, " * 50 + "gzip").fault == "bad_encoding"
    assert body(PAGE, "Content-Encoding: identity, utf-8").data == PAGE


def test_several_gzip_members_are_one_body() -> None:
    assert body(gzip.compress(PAGE) + gzip.compress(PAGE), "Content-Encoding: gzip").data == PAGE + PAGE
    assert body(gzip.compress(PAGE) + b"\r\n", "Content-Encoding: gzip") == Body(data=PAGE)


def test_bytes_after_a_brotli_stream_do_no_harm() -> None:
    for tail in (b"\n", b"\0" * 60):
        assert body(brotli.compress(PAGE) + tail, "Content-Encoding: br") == Body(data=PAGE)


@pytest.mark.parametrize("coding", ["br", "deflate"])
def test_what_is_neither_coded_nor_text_is_a_failure(coding: str) -> None:
    packed = bytearray(ENCODERS[coding](PAGE * 20))
    packed[:4] = b"\xff\xfe\x01\x02"
    found = body(bytes(packed), f"Content-Encoding: {coding}")
    assert found.fault == "bad_encoding" or found.problem == "bad_encoding"
    for text in (
        PAGE,
        "Ünïcode from the first letter on, though".encode(),
        "日本語のページ".encode() * 99,
        b"",
    ):
        assert body(text, f"Content-Encoding: {coding}") == Body(data=text)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_of_endless_empty_members_is_given_up(coding: str) -> None:
    for count, whole in ((9_000, True), (200_000, False)):
        data = ENCODERS[coding](b"") * count + ENCODERS[coding](PAGE)
        found = body(data, f"Content-Encoding: {coding}")
        assert (found == Body(data=PAGE)) is whole
        assert whole or found.fault == "bad_encoding"


def test_garbage_under_a_gzip_header_is_a_failure() -> None:
    assert body(b"\x1f\x8b\x08\0" + b"\xff" * 50, "Content-Encoding: gzip").fault == "bad_encoding"


def test_plain_bodies_beyond_the_limit() -> None:
    assert body(bytes(LIMIT)).fault is None
    assert body(bytes(LIMIT + 1)).fault == "oversize"


@given(st.binary(max_size=300), st.sampled_from(list(ENCODERS)))
def test_any_bytes_under_any_coding(data: bytes, coding: str) -> None:
    found = body(data, f"Content-Encoding: {coding}")
    assert found.fault in (None, "bad_encoding", "oversize")


@given(st.binary(max_size=300))
def test_any_bytes_as_a_response(data: bytes) -> None:
    parse_response(data)
    parse_response(b"HTTP/1.1 " + data)


def test_a_bomb_takes_little_memory() -> None:
    code = (
        "import brotli; from pipeline.http import *\n"
        "deflater = brotli.Compressor(quality=1); packed = b''\n"
        "for _ in range(256): packed += deflater.process(bytes(1 << 20))\n"
        "packed += deflater.finish()\n"
        "block = b'HTTP/1.1 200 OK\\r\\nContent-Encoding: br\\r\\n\\r\\n' + packed\n"
        "print(decode_body(parse_response(block), 5 << 20).fault)\n"
        "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    fault, kibibytes = run.stdout.split()
    assert fault == "oversize"
    assert int(kibibytes) < 120 << 10
