"""One spelling for the addresses that mean the same page: what links and pages are joined by.

Dropped: the scheme, `www.`, user names, default ports, the fragment, a slash at the end and an empty query. The host is
in lower case and ASCII (IDNA); percent-escapes are decoded where RFC 3986 calls them needless and in upper case where
not, and characters outside ASCII are escaped. An address of the Wayback Machine means the page that it keeps.
"""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import quote, urlsplit

_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS = {"http": ("80",), "https": ("443",), "": ("80", "443")}
_ARCHIVE = "web.archive.org/web/"
_LONGEST = 4096  # characters: no address that is longer is joined


def canonical_url(url: str) -> str | None:
    """Host, path and query of a web address in their one spelling; None for what is none."""
    url = url.strip()
    if not url or len(url) > _LONGEST:
        return None
    if url.startswith("//"):
        url = "http:" + url
    elif "://" not in url[:12]:
        url = "http://" + url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    host = canonical_host(parts.netloc, parts.scheme)
    if host is None:
        return None
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    found = host + escaped(rest).rstrip("/")
    return _kept(found, url) if found.startswith(_ARCHIVE) else found


def _kept(found: str, url: str) -> str:
    """The page that an address of the Wayback Machine keeps: `/web/20160101000000id_/http://...`."""
    stamp, _, kept = found.removeprefix(_ARCHIVE).partition("/")
    if not stamp[:4].isdigit() or "." not in kept or _ARCHIVE in kept:
        return found
    return canonical_url(kept.replace(":/", "://", 1) if "://" not in kept else kept) or found


def canonical_host(netloc: str, scheme: str = "") -> str | None:
    """A host name as ASCII in lower case without `www.`, with a port that is not the scheme's; None if it is none."""
    host = netloc.rpartition("@")[2].lower()
    name, _, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    name = name.strip(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    name = name.removeprefix("www.")
    if not name or any(character in name for character in " \"'<>\\^`{|}%/,;()") or "." not in name:
        return None
    return name if not port or port in _PORTS[scheme] or not port.isdigit() else f"{name}:{port}"


def escaped(text: str) -> str:
    """A path and query with each percent-escape in its one spelling."""
    if "%" in text:
        first, *others = text.split("%")
        text = first + "".join(_escape(part) for part in others)
    return text if text.isascii() and " " not in text else quote(text, safe=_SAFE, errors="replace")


def _escape(part: str) -> str:
    try:
        byte = int(part[:2], 16) if part[:2].isalnum() and len(part) > 1 else -1
    except ValueError:
        byte = -1
    if byte < 0:
        return "%25" + part
    return (chr(byte) if byte in _UNRESERVED else f"%{byte:02X}") + part[2:]


def host_of(canonical: str) -> str:
    """The host of a canonical address, without its port."""
    return canonical.partition("/")[0].partition("?")[0].partition(":")[0]


@functools.lru_cache(1 << 16)
def registered_domain(host: str) -> str:
    """The registered domain of a host by the Public Suffix List that tldextract carries; the host if it has none."""
    from pipeline import assets

    found: Any = assets.load("public_suffixes")(host)
    domain: str = found.top_domain_under_public_suffix
    return domain or host
