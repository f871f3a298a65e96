"""Block lists of hosts and addresses by category, as the UT1 list of the University of Toulouse lays them out.

The rules are those of squidGuard, for which UT1 is made. A listed host blocks itself and all hosts below it; an IP
address only itself. A listed address `host/path` blocks addresses that begin with it at a part's end, whatever their
scheme, port, case or `www.`; an expression blocks addresses in which it is found. RedPajama-v2 looks up the whole
host alone (`match: host`, `addresses: no`). A page without an address passes.

Which categories are measured is a setting, and each has its column; which of them drop a page is another. The list
that datatrove carries, which FineWeb used, is the filter `url`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch
from filters.types import FilterSpec, Rule, Signal

Array = np.ndarray[Any, Any]

SOURCE = "UT1 blacklists (Universite Toulouse Capitole); squidGuard's rules"
LONGEST = 4096  # characters of an address that are looked at
# Other names of a category: links in UT1's archive, and a spelling of RedPajama-v2.
ALIASES = {
    "ads": "publicite",
    "aggressive": "agressif",
    "agressive": "agressif",
    "drugs": "drogue",
    "mail": "forums",
    "porn": "adult",
    "proxy": "redirector",
    "violence": "agressif",
}


@dataclass(frozen=True)
class Category:
    """What is listed: sorted 64-bit hashes of hosts and of addresses by `filters.hashing`, and regular expressions."""

    hosts: Array  # uint64
    addresses: Array  # uint64, of `normal_address`
    expressions: tuple[str, ...] = ()


@dataclass(frozen=True)
class BlockList:
    """A list's categories by name."""

    categories: Mapping[str, Category]

    def category(self, name: str) -> Category:
        """The category of this name, or of which it is another name. ValueError lists those that there are."""
        found = self.categories.get(name) or self.categories.get(ALIASES.get(name, ""))
        if found is None:
            known = ", ".join(sorted(self.categories))
            raise ValueError(f"the block list has no category {name!r}; it has: {known}")
        return found


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which categories of which list are measured, how, and which of them drop a page (null: all of them)."""

    list: str = "ut1"  # a name under `lists:`, of kind ut1 or hosts
    categories: tuple[str, ...] = ("adult",)
    drop: tuple[str, ...] | None = None
    match: Literal["subdomains", "host"] = "subdomains"  # a listed host and those below it, or the host alone
    addresses: bool = True  # look up addresses too, not hosts alone
    expressions: bool = False  # UT1's regular expressions too: they are meant for proxies, and broad

    def __post_init__(self) -> None:
        if unknown := set(self.drop or ()) - set(self.categories):
            raise ValueError(f"expected `drop` to name some of `categories`, got {sorted(unknown)[0]!r}")


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    totals = [
        Signal("blocklist_domain", "categories", "that list the host", SOURCE),
        Signal("blocklist_url", "categories", "that list the address or have an expression for it", SOURCE),
    ]
    return totals + [
        Signal(f"blocklist_{name}", "0 or 1", f"the category `{name}` lists the host or the address", SOURCE)
        for name in settings.categories
    ]


def rules(settings: Settings) -> list[Rule]:
    """A rule a category."""
    dropped = settings.categories if settings.drop is None else settings.drop
    return [
        Rule(name, f"blocklist_{name}", ">=", 1 if name in dropped else None, SOURCE)
        for name in settings.categories
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Which categories list each address. Some 10 us an address and ten categories."""
    from filters.hashing import joined

    listed: BlockList = assets[f"lists.{settings.list}"]
    parts = [host_and_address(url) for url in batch.urls]
    hosts = joined([host for host, _ in parts])
    addresses = joined([address for _, address in parts])
    whole = np.fromiter((settings.match == "host" or _is_ip(host) for host, _ in parts), np.bool_, len(parts))
    by_host, by_address = np.zeros(len(parts), np.int64), np.zeros(len(parts), np.int64)
    found: dict[str, Array] = {"blocklist_domain": by_host, "blocklist_url": by_address}
    for name in settings.categories:
        category = listed.category(name)
        host = _hosts_listed(hosts, whole, category.hosts)
        address = np.zeros(len(parts), np.bool_)
        if settings.addresses:
            address |= _addresses_listed(addresses, category.addresses)
        if settings.expressions and category.expressions:
            patterns = _compiled(category.expressions)
            address |= np.fromiter(
                (any(pattern.search(one) for pattern in patterns) for _, one in parts), np.bool_, len(parts)
            )
        by_host += host
        by_address += address
        found[f"blocklist_{name}"] = (host | address).astype(np.int64)
    return found


def host_and_address(url: str) -> tuple[str, str]:
    """Host and `host/path?query` of an address in lower case, as they are looked up; two empty strings if it has none.

    Scheme, user, port, fragment, a last dot of the host and last slashes are left out, and of the second the first
    label if it is `www`, `web` or `ftp` with digits or without.
    """
    rest = url[:LONGEST].strip().lower()
    _, scheme, after = rest.partition("://")
    rest = (after if scheme else rest.removeprefix("//")).partition("#")[0]
    ends = [at for at in (rest.find("/"), rest.find("?")) if at >= 0]
    end = min(ends, default=len(rest))
    host = _host(rest[:end])
    return (host, normal_address(host + rest[end:])) if host else ("", "")


def normal_address(address: str) -> str:
    """`host/path` in lower case without `www.` (or `www2.`, `web.`, `ftp.`) and last slashes."""
    whole = address.strip().lower().rstrip("/")
    label, dot, rest = whole.partition(".")
    return rest if dot and label.rstrip("0123456789") in ("www", "web", "ftp") else whole


def normal_host(host: str) -> str:
    """A host in lower case, international letters in Punycode, without a dot or a port at its end."""
    return _host(host.strip().lower())


def _host(authority: str) -> str:
    host = authority.rpartition("@")[2]
    host = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0].rstrip(".")
    if not host.isascii():
        try:
            return host.encode("idna").decode()
        except UnicodeError:
            return host
    return host


def _is_ip(host: str) -> bool:
    return host.startswith("[") or host.rpartition(".")[2].isdigit()


@functools.lru_cache(maxsize=64)
def _compiled(expressions: tuple[str, ...]) -> tuple[Any, ...]:
    import re2

    return tuple(re2.compile(one) for one in expressions)


def _hosts_listed(hosts: tuple[Array, Array], whole: Array, hashes: Array) -> Array:
    from filters.listed import hosts_listed

    out = np.zeros(len(whole), np.bool_)
    hosts_listed(*hosts, whole, hashes, out)
    return out


def _addresses_listed(addresses: tuple[Array, Array], hashes: Array) -> Array:
    from filters.listed import addresses_listed

    out = np.zeros(len(addresses[1]) - 1, np.bool_)
    addresses_listed(*addresses, hashes, out)
    return out


def needed(settings: Settings) -> tuple[str, ...]:
    """The list."""
    return (f"lists.{settings.list}",)


SPEC = FilterSpec(
    name="blocklist",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    thresholds=frozenset({"drop"}),
)
