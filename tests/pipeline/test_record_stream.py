"""Lengths that lie in files that can only be read from their start."""

from __future__ import annotations

import hashlib

import pytest

from pipeline.record import Record
from tests.pipeline.test_warc import block, damages, in_layout, read, record, urls


def plain_block(number: int) -> bytes:
    """A response that states no length of its own."""
    return b"HTTP/1.1 200 OK\r\n\r\n" + hashlib.shake_128(b"%d" % number).hexdigest(300).encode()


@pytest.mark.parametrize("layout", ["plain", "stream"])
@pytest.mark.parametrize("beyond", range(-8, 9))
def test_a_length_that_ends_near_a_later_record_swallows_nothing(layout: str, beyond: int) -> None:
    """The records between are told by the response's own length, or at least the lying one alone is lost."""
    later = b"".join(record(number) for number in (1, 2))
    stated = str(len(block(0)) + 4 + len(later) + beyond)
    events = read(in_layout(record(0, length=stated) + later + record(3), layout))
    assert urls(events) == [0, 1, 2, 3]
    first = events[0]
    assert isinstance(first, Record)
    assert (first.body, first.problem) == (block(0), "wrong_length")
    assert damages(events) == []

    stated = str(len(plain_block(0)) + 4 + len(later) + beyond)
    lying = record(0, plain_block(0), length=stated)
    events = read(in_layout(lying + later + record(3), layout))
    if not -4 <= beyond <= 0:  # then it is what the length of a page that is a WARC would be
        assert urls(events) == [1, 2, 3]
        assert damages(events) == [("wrong_length", 0, len(lying))]


@pytest.mark.parametrize("layout", ["plain", "stream"])
def test_a_page_that_is_a_warc_stays_whole(layout: str) -> None:
    inner = record(100) + record(101)
    body = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner
    for change in (0, -2, 2, 4):
        stated = str(len(body) + change)
        events = read(in_layout(record(0, body, length=stated) + record(1), layout))
        assert urls(events) == [0, 1], change
        assert isinstance(events[0], Record)
        assert events[0].body.rstrip() == body.rstrip()
    digest = f"WARC-Block-Digest: sha1:{hashlib.sha1(plain_block(0) + inner).hexdigest()}\r\nContent-Length"
    sworn = record(0, plain_block(0) + inner).replace(b"Content-Length", digest.encode(), 1)
    assert urls(read(in_layout(sworn + record(1), layout))) == [0, 1]


@pytest.mark.parametrize("stated", ["abc", "99999999999999999999", "1, 1", "-3"])
def test_response_lengths_that_are_none_are_not_believed(stated: str) -> None:
    body = b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nx" % stated.encode()
    assert urls(read(record(0, body) + record(1))) == [0, 1]
