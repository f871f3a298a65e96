"""One whole file: resumed where an earlier attempt ended, checked, and given its name only then.

A part is continued only as the same version of the same address (`If-Range`, and the answer's own mark and size
compared); anything else starts at 0. The note beside a part is written before its first byte and after it was emptied,
so a kill between any two steps leaves a part that its note speaks the truth of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from pipeline.fetch.display import Display
from pipeline.fetch.ending import fault_of
from pipeline.fetch.patience import Gate, Patience, persist
from pipeline.fetch.place import Place, State, explained, known, locked, note, publish
from pipeline.fetch.source import Answer, PastEnd, Refused, Source, Trouble
from pipeline.store import sha256_file

_PROGRESS = 1 << 20  # new bytes after which a failed attempt does not count as one in a row


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file. `state`: fetched, had (it was there), failed (`why`)."""

    path: str
    name: str
    state: str
    bytes: int | None = None
    sha256: str | None = None
    why: str | None = None


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What every download of one command shares. `whole`: inflate every gzip member, not the last one alone."""

    source: Source
    gate: Gate
    patience: Patience
    display: Display
    whole: bool = False


def download(path: str, place: Place, tools: Tools, wait: bool = True) -> Fetched | None:
    """As `obtain`, but what the source refuses is `state="failed"` and its reason."""
    try:
        return obtain(path, place, tools, wait)
    except Refused as error:
        return Fetched(path=path, name=place.name, state="failed", why=str(error))


def obtain(path: str, place: Place, tools: Tools, wait: bool = True) -> Fetched | None:
    """Have the file at `path` in its place; None if another command is fetching it and `wait` is False.

    Raises Refused when it cannot be had, CommitError for the disk.
    """
    with explained(place.final.parent):
        with locked(place, wait=False) as mine:
            if mine:
                return _held(path, place, tools)
        if not wait:
            return None
        tools.display.say(f"{place.name}: another fetch has it, waiting")
        with locked(place, wait=True):
            return _held(path, place, tools)


def _held(path: str, place: Place, tools: Tools) -> Fetched:
    state = _had(path, place, tools)
    if state is not None:
        return _told("had", path, place, state)
    receiver = _Receiver(path, place, tools)
    state = persist(receiver.attempt, place.name, tools.patience, tools.gate, tools.display.say)
    return _told("fetched", path, place, state)


def _told(word: str, path: str, place: Place, state: State) -> Fetched:
    return Fetched(path=path, name=place.name, state=word, bytes=state.size, sha256=state.sha256)


def _had(path: str, place: Place, tools: Tools) -> State | None:
    """The state of a finished file that is here already; raises Refused where another file has its name."""
    if not place.final.exists():
        return None
    state = known(place)
    url = tools.source.url(path)
    size = place.final.stat().st_size
    if state is None:
        return _adopted(path, place, tools, size)
    if not _same_path(state.url, path):
        raise Refused(f"{place.final} is there and came from {state.url}, not {url}: use another --out")
    if state.sha256 is not None and size == state.size and not place.part.exists():
        if not tools.whole or sha256_file(place.final) == state.sha256:
            return state
        tools.display.say(f"{place.name}: was damaged after it was fetched, fetching it again")
    return None


def _same_path(url: str, path: str) -> bool:
    # Another base is another way to the same file.
    return url.endswith("/" + path)


def _adopted(path: str, place: Place, tools: Tools, size: int) -> State | None:
    """Take a file that something else put here, if the source has one of that size and its end is whole."""

    def ask() -> int | None:
        with tools.source.open(path, start=0, stop=1) as answer:
            return answer.size

    found = persist(ask, place.name, tools.patience, tools.gate, tools.display.say)
    if found != size or fault_of(place.final, place.name, tools.whole) is not None:
        raise Refused(
            f"{place.final} is there, was not fetched by this command and is not the file at its source: move it away"
        )
    state = State(url=tools.source.url(path), size=size, sha256=sha256_file(place.final))
    note(place, state)
    return state


class _Receiver:
    """The attempts at one file: what they must remember of each other."""

    def __init__(self, path: str, place: Place, tools: Tools) -> None:
        self.path, self.place, self.tools = path, place, tools
        self.url = tools.source.url(path)
        self.best = self._length()
        self.damaged: str | None = None  # digest of a whole body that was found damaged

    def _length(self) -> int:
        return self.place.part.stat().st_size if self.place.part.exists() else 0

    def attempt(self) -> State:
        """Receive what is missing, check, publish."""
        try:
            state = self._received()
        except Trouble as trouble:
            length = self._length()
            if length - self.best >= _PROGRESS:
                trouble.progress = True
            self.best = max(self.best, length)
            raise
        fault = fault_of(self.place.part, self.place.name, self.tools.whole)
        if fault is None:
            return publish(self.place, state)
        digest = sha256_file(self.place.part)
        self.place.part.unlink()
        self.tools.display.lost(self.place.name)
        if digest == self.damaged:
            raise Refused(f"{fault}; twice the same, so it is at its source")
        self.damaged = digest
        raise Trouble(fault)

    def _received(self) -> State:
        state = known(self.place)
        length = self._length()
        if state is None or state.url != self.url or (state.mark is None and state.size != length):
            length, state = 0, State(url=self.url)
        if length > 0 and state.size == length:
            return state
        try:
            with self.tools.source.open(self.path, start=length, mark=state.mark) as answer:
                return self._append(answer, state, length)
        except PastEnd as error:
            if error.size == length and length > 0:
                return msgspec.structs.replace(state, size=length)
            self._empty()
            raise Trouble("the file is shorter than what was received of it: starting again") from error

    def _empty(self) -> None:
        self.place.part.unlink(missing_ok=True)
        self.tools.display.lost(self.place.name)

    def _append(self, answer: Answer, state: State, length: int) -> State:
        fits = answer.start == length and answer.mark == state.mark and answer.size == state.size
        if length > 0 and not fits:
            self._empty()
            if answer.start > 0:
                raise Trouble("the file changed at its source: starting again")
            length = 0
        if length == 0:
            self._empty()
            state = State(url=self.url, mark=answer.mark, size=answer.size)
            note(self.place, state)
        name = self.place.name
        self.tools.display.begin(name, answer.size, length)
        with open(self.place.part, "ab", buffering=0) as file:
            for block in answer.blocks:
                _write(file.write, block)
                length += len(block)
                self.tools.display.got(name, len(block))
        if state.size is not None and length != state.size:
            if length > state.size:
                self._empty()
            raise Trouble(f"{length} of {state.size} bytes came")
        return state


def _write(write: Callable[[memoryview], int | None], block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[write(rest) or 0 :]


def read_small(path: str, tools: Tools, limit: int = 64 << 20) -> bytes:
    """A small file of the source, in memory; raises Refused (Gone where there is none)."""

    def attempt() -> bytes:
        data = bytearray()
        with tools.source.open(path) as answer:
            for block in answer.blocks:
                data += block
                if len(data) > limit:
                    raise Refused(f"longer than {limit} bytes")
        if answer.size is not None and len(data) != answer.size:
            raise Trouble(f"{len(data)} of {answer.size} bytes came")
        return bytes(data)

    return persist(attempt, Path(path).name, tools.patience, tools.gate, tools.display.say)
