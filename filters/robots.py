"""What a site's robots.txt says of an address, to some crawlers and about AI training (RFC 9309 and what extends it).

`parse` keeps of a robots.txt only what the named agents are told; `Site` answers for a path. Groups of one agent are
merged, agents are compared without case, the longest pattern wins, and an Allow as long as a Disallow (section 2.2.2).
Beside Allow and Disallow a group may hold `Content-Signal` (Cloudflare, 2025) and `Content-Usage`
(draft-ietf-aipref-attach-05), each for a path or, without one, for all; a line `License` names an RSL licence for the
site (RSL 1.0). Two things bound the time that a hostile file can take: of patterns with `*` inside, the
`MOST_WILDCARDS` longest of a group count, up to `MOST_PATTERN` bytes each; of a path the first `MOST_PATH` bytes do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

MOST_BYTES = 500 << 10  # of a robots.txt that are read (RFC 9309, section 2.5)
MOST_PATH = 2048
MOST_WILDCARDS = 1000
MOST_PATTERN = 256
_MOST_VALUE = 3 * MOST_PATH  # characters of a pattern; a longer one matches no path
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

Rule = tuple[str, str]  # pattern, what holds where it matches: a or d, yes or no, y or n


class Group(msgspec.Struct, frozen=True, array_like=True):
    """The rules for some agents."""

    access: list[Rule] = []
    signal: list[Rule] = []
    usage: list[Rule] = []


class Rules(msgspec.Struct, frozen=True, array_like=True):
    """What a robots.txt says: `agents` gives each asked agent's group, -1 where none speaks to it; `*` comes last."""

    agents: list[int]
    groups: list[Group]
    rsl: bool = False


class Stated(NamedTuple):
    """What holds for one address."""

    disallowed: int  # of the asked agents
    no_train: bool  # Content-Signal: ai-train=no
    no_usage: bool  # Content-Usage: train-ai=n
    rsl: bool


def product_token(agent: str) -> str:
    """The name that a crawler goes by in robots.txt, in lower case: `GPTBot/1.1 (...)` is `gptbot`."""
    text = agent.strip().lower()
    if text.startswith("*"):
        return "*"
    end = next((at for at, one in enumerate(text) if one not in _TOKEN), len(text))
    return text[:end]


def parse(
    content: bytes,
    agents: Sequence[str],
    training: Callable[[str], str | None],
    usage: Callable[[str], str | None],
) -> Rules:
    """The rules of a robots.txt for `agents` (product tokens) and for `*`.

    `training` and `usage` read the value of Content-Signal and Content-Usage: what it says of training, or None. Rules
    before the first group hold for all if they are of these two kinds, and for nobody otherwise.
    """
    wanted = [*agents, "*"]
    of_agent: dict[str, Group] = {}
    common = Group()  # what stands before the first group
    current: list[Group] = [common]
    open_ = grouped = rsl = False
    for key, value in _lines(content):
        if key == "user-agent":
            if not open_:
                current = []
            open_ = grouped = True
            token = product_token(value)
            if token in wanted:
                current.append(of_agent.setdefault(token, Group()))
            continue
        if key == "license":
            rsl = rsl or value.lower().startswith(("http://", "https://"))
            continue
        if key in ("allow", "disallow") and grouped and 0 < len(value) <= _MOST_VALUE:
            for group in current:
                group.access.append((normal_path(value), key[0]))
        elif key in ("content-signal", "content-usage"):
            path, said = _scoped(value, training if key == "content-signal" else usage)
            for group in current:
                if said:
                    (group.signal if key == "content-signal" else group.usage).append((path, said))
        open_ = open_ and key not in ("allow", "disallow", "content-signal", "content-usage")
    return _packed(wanted, of_agent, common, rsl)


def _packed(wanted: Sequence[str], of_agent: dict[str, Group], common: Group, rsl: bool) -> Rules:
    """The groups, equal ones once; an agent without a group follows `*`, and without that what holds for all."""
    groups: list[Group] = []
    numbers = []
    for agent in wanted:
        group = of_agent.get(agent) or of_agent.get("*") or Group()
        access = list(dict.fromkeys(group.access))
        group = Group(access, [*common.signal, *group.signal], [*common.usage, *group.usage])
        if not (group.access or group.signal or group.usage):
            numbers.append(-1)
            continue
        if group not in groups:
            groups.append(group)
        numbers.append(groups.index(group))
    return Rules(numbers, groups, rsl)


def _lines(content: bytes) -> Iterator[tuple[str, str]]:
    """Key in lower case and value of every line, comments apart."""
    text = content[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    for line in text.replace("\r", "\n").split("\n"):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _scoped(value: str, read: Callable[[str], str | None]) -> tuple[str, str | None]:
    """Path and meaning of a rule that may begin with a path."""
    if value.startswith("/"):
        path, _, value = value.replace("\t", " ").partition(" ")
        return normal_path(path[:_MOST_VALUE]), read(value) if len(path) <= _MOST_VALUE else None
    return "/", read(value)


def normal_path(path: str) -> str:
    """A path or pattern in the form in which they are compared (RFC 9309, section 2.2.2).

    Octets outside of US-ASCII are percent-encoded, encoded unreserved characters decoded, hexadecimal digits capitals.
    """
    if path.isascii() and "%" not in path:
        return path
    data = path.encode("utf-8", "replace")
    found = bytearray()
    at = 0
    while at < len(data):
        byte = data[at]
        if byte == 0x25 and len(data) >= at + 3 and data[at + 1] in _HEX and data[at + 2] in _HEX:
            value = int(data[at + 1 : at + 3], 16)
            found += bytes((value,)) if value in _UNRESERVED else b"%%%02X" % value
            at += 3
            continue
        found += bytes((byte,)) if byte < 0x80 else b"%%%02X" % byte
        at += 1
    return found.decode("ascii")


def place(url: str) -> tuple[str, str]:
    """Host in lower case (with a port that is not the scheme's) and path with query; ("", "") if not of the web.

    The scheme is no part of the host: the same rules are taken to hold for http and https.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.strip().lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        return "", ""
    rest = rest.partition("#")[0]
    end = min((at for mark in "/?\\" if (at := rest.find(mark)) >= 0), default=len(rest))
    host = rest[:end].rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS[scheme]).rstrip(".")
    path = rest[end:]
    return host, normal_path((path if path.startswith("/") else "/" + path)[: 4 * MOST_PATH])[:MOST_PATH]


class Site:
    """The rules of one site, ready to be asked."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._access = [_Patterns(group.access, "a") for group in rules.groups]
        self._signal = [_Patterns(group.signal, "no") for group in rules.groups]
        self._usage = [_Patterns(group.usage, "n") for group in rules.groups]

    def ask(self, path: str) -> Stated:
        """What holds for a path as `place` gives it. `/robots.txt` itself is always allowed."""
        agents = self._rules.agents
        answers = {
            number: self._access[number].best(path) == "d" for number in set(agents[:-1]) if number >= 0
        }
        signals = {self._signal[number].best(path) for number in set(agents) if number >= 0}
        usages = {self._usage[number].best(path) for number in set(agents) if number >= 0}
        disallowed = sum(answers.get(number, False) for number in agents[:-1])
        return Stated(
            0 if path == "/robots.txt" else disallowed, "no" in signals, "n" in usages, self._rules.rsl
        )


class _Patterns:
    """Patterns with what each says; of the longest that match, `stronger` is said if any of them says it."""

    def __init__(self, rules: Sequence[Rule], stronger: str) -> None:
        self._stronger = stronger
        self._plain: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        wild: dict[str, str] = {}
        for pattern, said in rules:
            bare = pattern.removesuffix("$")
            into = wild if "*" in bare else self._plain if bare == pattern else self._whole
            key = pattern if into is wild else bare
            into[key] = stronger if into.get(key) == stronger else said
        self._lengths = sorted({len(key) for key in self._plain}, reverse=True)
        short = [pattern for pattern in wild if len(pattern) <= MOST_PATTERN]
        longest = sorted(short, key=lambda one: (-len(one), one))[:MOST_WILDCARDS]
        self._wild = [(pattern, wild[pattern]) for pattern in longest]

    def best(self, path: str) -> str | None:
        """What the longest pattern that matches says; None where none does."""
        length, said = -1, set[str]()
        for size in self._lengths:
            if size <= len(path) and (found := self._plain.get(path[:size])) is not None:
                length, said = size, {found}
                break
        if path in self._whole and len(path) + 1 >= length:
            length, said = len(path) + 1, {self._whole[path]} | (said if length == len(path) + 1 else set())
        for pattern, found in self._wild:
            if len(pattern) < length:
                break
            if matches(pattern, path):
                said = (said if len(pattern) == length else set()) | {found}
                length = len(pattern)
        return self._stronger if self._stronger in said else min(said, default=None)


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches from the beginning of a path: `*` is any characters, `$` at its end the path's end."""
    first, *rest = pattern.removesuffix("$").split("*")
    ends = pattern.endswith("$")
    if not path.startswith(first):
        return False
    at = len(first)
    if ends and not rest:
        return at == len(path)
    last = rest.pop() if ends else ""
    for piece in rest:
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return not ends or (len(path) - len(last) >= at and path.endswith(last))
