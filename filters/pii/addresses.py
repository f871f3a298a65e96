"""Public IPv4 and IPv6 addresses, and hardware addresses (MAC).

Left alone: private and reserved ranges (IANA's special-purpose registries), versions (`v1.2.3.4`,
`Chrome/58.0.3029.110`, also in lists), numbers of sections, broadcast hardware addresses.
"""

from __future__ import annotations

from collections.abc import Iterator

from filters.pii.kinds import Found
from filters.pii.patterns import compiled

IP_GATE = r"[0-9]\.[0-9]+\.[0-9]+\.[0-9]"
COLON_GATE = r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{2}-){5}"

_IP = r"(?:[0-9]+\.)+[0-9]+"
_IPV6 = r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{2,}(?:[0-9A-Fa-f]|::)"
_MAC = (
    r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5,}|[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5,}"
    r"|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"
)
_VERSION = (
    r"(?i)(?:\b(?:versions?|vers?|v|releases?|rel|build|firmware|drivers?|rev(?:ision)?|section|sections|sec"
    r"|chapter|clause|paragraph|article|annex|appendix|table|figure|fig|rule|item|step|chrome|chromium|safari|firefox|opera|edge|flash"
    r"|player|java|jdk|jre|windows|android|ios|kernel|php|mysql|oracle|sdk|api|software|patch|upgrade|upgraded|update"
    r"|updated|updates|plugin|framework|library|oid|package|bios|app|toolkit|client|acrobat|reader|office|vlc|itunes|skype"
    r"|is now|using)|§)\b?[ .:=#/(\-]{0,3}\z"
)
_SAYS_ADDRESS = (
    r"(?i)\b(?:ips?|ipv4|ip-?adress[en]*|address(?:es)?|adresse?|servers?|hosts?|dns|gateway|ping|from|visitor|user|client"
    r"|login|logged in|subnet|netmask|router|proxy|connect(?:ed)? to|inet)\b[ \x{a0}]?(?:is|was|are|of|at|to)?"
    r"[ \x{a0}:=(\[\-–]{0,4}\z"
)
_RESOLVERS = ("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "4.2.2.2")  # written without a word
_LIST = r"(?:[ ,;/&]|\b(?:and|or|to|through|-|–)\b){1,8}"

_PRIVATE = (  # first address, prefix length: not reachable on the public Internet (IANA special-purpose registry)
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 3),
)


def find_ips(text: str) -> Iterator[Found]:
    """The public IPv4 and IPv6 addresses of a text."""
    if text.count(".") >= 3:
        yield from _find_v4(text)
    if text.count(":") >= 2:
        for match in compiled(_IPV6).finditer(text):
            start, end = match.span()
            if _public_v6(text, start, end):
                yield Found("ips", start, end, text[start:end], "v6")


def find_macs(text: str) -> Iterator[Found]:
    """The hardware addresses of a text: six pairs with colons or hyphens, or three groups of four with dots."""
    for match in compiled(_MAC).finditer(text):
        start, end = match.span()
        value = text[start:end]
        plain = value.replace(":", "").replace("-", "").replace(".", "").lower()
        if len(plain) != 12 or len(set(plain)) < 3 or not _bounded(text, start, end):
            continue
        if value.isupper() or value.islower() or (plain.isdigit() and ":" in value):
            yield Found("macs", start, end, value)


def _find_v4(text: str) -> Iterator[Found]:
    version_end = -1  # where the last version ends
    for match in compiled(_IP).finditer(text):
        start, end = match.span()
        parts = text[start:end].split(".") if end - start <= 15 else []
        if len(parts) != 4:
            continue
        listed = version_end >= 0 and start - version_end < 10
        if (listed and compiled(_LIST).fullmatch(text[version_end:start])) or _is_version(
            text, start, end, parts
        ):
            version_end = end
        elif _public_v4(text, start, end, parts):
            yield Found("ips", start, end, text[start:end], "v4")


def _is_version(text: str, start: int, end: int, parts: list[str]) -> bool:
    before = text[max(0, start - 28) : start]
    if compiled(_VERSION).search(before):
        return True
    if before[-1:] == "/" and before[-2:-1].isalpha():
        return True  # `Chrome/58.0.3029.110`
    small = sum(len(part) <= 2 and int(part) < 40 for part in parts)
    if small < 3 or int(parts[0]) >= 40 or text[start:end] in _RESOLVERS:
        return False
    # Three numbers under 40 are a version or a section, one address in seventy: an address needs a word or a port.
    address = compiled(_SAYS_ADDRESS).search(before) is not None or before[-1:] in ("@", "/", "[")
    return not address and not (text[end : end + 1] in (":", "/") and text[end + 1 : end + 2].isdigit())


def _public_v4(text: str, start: int, end: int, parts: list[str]) -> bool:
    if any(len(part) > 3 or int(part) > 255 or (part[0] == "0" and part != "0") for part in parts):
        return False
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if before[-1:].isalnum() or before[-1:] in ("_", ".") or after[:1].isalnum() or after[:1] == "_":
        return False
    if (before[-1:] == "-" and before[-2:-1].isalpha()) or (after[:1] == "-" and after[1:].isalpha()):
        return False  # a package such as name-1.2.3.4 or 1.2.3.4-beta
    return not _is_private(parts)


def _is_private(parts: list[str]) -> bool:
    value = _number(parts)
    return any(value >> (32 - bits) == _number(first.split(".")) >> (32 - bits) for first, bits in _PRIVATE)


def _number(parts: list[str]) -> int:
    first, second, third, fourth = map(int, parts)
    return first << 24 | second << 16 | third << 8 | fourth


def _bounded(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start] if start else "", text[end : end + 2]
    if before.isalnum() or before in ("_", ":", ".", "-") or after[:1].isalnum() or after[:1] in ("_", "-"):
        return False
    return not (after[:1] in (".", ":") and after[1:].isalnum())


def _public_v6(text: str, start: int, end: int) -> bool:
    import ipaddress

    if end - start > 39 or not _bounded(text, start, end):
        return False
    groups = [group for group in text[start:end].split(":") if group]
    whole = len(groups) == 8
    if whole and max(map(len, groups)) < 3:
        return False  # eight pairs are a hash or a longer hardware address
    if not whole and (len(groups) < 3 or text[start] not in "23" or len(groups[0]) < 4):
        return False  # compressed ones only from the range that is handed out (2000::/3)
    try:
        address = ipaddress.IPv6Address(text[start:end])
    except ValueError:
        return False
    return address.is_global
