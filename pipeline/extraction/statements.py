"""Opt-outs that a page or its HTTP response states, as short tokens: the Document's column `opt_out`.

A token is `<where>:<statement>`: `where` is `page` or `header`, followed by `@<agent>` where the statement is for one
crawler alone, such as `header@gptbot:noindex`. Statements:

- `noai`, `noimageai`, `noindex`, `noarchive` of robots metadata and `X-Robots-Tag` (Google's specification of robots
  meta tags; noai and noimageai by DeviantArt, 2022). `none` counts as `noindex`, `noml` as `noai`, `nocache` as
  `noarchive`; directives that have nothing to do with use (nofollow, max-snippet) are left out.
- `tdm=0`, `tdm=1`: TDM Reservation Protocol (W3C community group report, 2024), `tdm-reservation`.
- `ai-train=no`, `ai-train=yes`: Content Signals (Cloudflare, 2025), header `Content-Signal`.
- `train-ai=n`, `train-ai=y`: AI preferences (draft-ietf-aipref-attach-05, draft-ietf-aipref-vocab), `Content-Usage`.
- `rsl`: a licence in Really Simple Licensing (RSL 1.0, 2025), by link or inside the page.

Tokens stand in order of appearance, each once, with a space between them: at most `MOST` of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST = 32  # tokens of one document
RSL = "page:rsl"
_RSL_TYPE = "application/rsl+xml"
_DIRECTIVES = {
    "noai": "noai",
    "noml": "noai",
    "noimageai": "noimageai",
    "noindex": "noindex",
    "none": "noindex",
    "noarchive": "noarchive",
    "nocache": "noarchive",
}
_MOST_CHARACTERS = 8192  # of a header's value
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")
# Names of robots metadata that do not look like a crawler's.
_AGENTS = frozenset(
    (
        *("anthropic-ai", "applebot-extended", "claude-web", "cohere-ai", "diffbot", "facebookexternalhit"),
        *("google-extended", "googleother", "meta-externalagent", "slurp", "teoma", "webzio-extended"),
    )
)
_AGENT_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
# Categories that hold training in some version of the vocabulary, the one that decides first.
_TRAINING = ("train-ai", "train-genai", "ai", "tdm", "bots", "all")


def joined(tokens: Iterable[str]) -> str | None:
    """The column's value: tokens without repeats; None if there is none."""
    return " ".join(list(dict.fromkeys(tokens))[:MOST]) or None


def is_metadata(name: str) -> bool:
    """Whether metadata under this lower-case name can state an opt-out."""
    return name == "robots" or name.startswith("tdm-res") or is_agent(name)


def is_agent(name: str) -> bool:
    """Whether a lower-case name is one that crawlers go by: `ccbot`, `google-extended`."""
    if name in _AGENTS:
        return True
    named = "bot" in name or "crawler" in name or "spider" in name
    return named and name != "robots" and len(name) <= 64 and _AGENT_CHARACTERS.issuperset(name)


def of_metadata(name: str, content: str) -> list[str]:
    """Tokens of `<meta name=... content=...>`; `name` in lower case."""
    if name == "tdm-reservation":
        return _tdm("page", content)
    where = "page" if name == "robots" else f"page@{name}"
    return _directives(where, content.replace(";", ","))


def of_headers(headers: Sequence[tuple[str, str]]) -> list[str]:
    """Tokens of an HTTP response's headers, whose names are in lower case."""
    found: list[str] = []
    for name, value in headers:
        value = value[:_MOST_CHARACTERS]
        if name == "x-robots-tag":
            found += _robots_tag(value)
        elif name == "tdm-reservation":
            found += _tdm("header", value)
        elif name == "content-signal":
            found += [f"header:ai-train={said}" for said in [content_signal(value)] if said]
        elif name == "content-usage":
            found += [f"header:train-ai={said}" for said in [content_usage(value)] if said]
        elif name == "link" and any(type_ == _RSL_TYPE for _, type_ in license_links(value)):
            found.append("header:rsl")
    return found


def content_signal(value: str) -> str | None:
    """`yes` or `no`, as the signal `ai-train` says, or None where it says nothing."""
    said = _pairs(value).get("ai-train")
    return said if said in ("yes", "no") else None


def content_usage(value: str) -> str | None:
    """`y` or `n`, as the preference on training says (else on a wider category), or None where none is stated."""
    said = _pairs(value)
    return next((said[name] for name in _TRAINING if said.get(name) in ("y", "n")), None)


def license_links(value: str) -> list[tuple[str, str]]:
    """Target and media type of every link of relation `license` in a `Link` header (RFC 8288)."""
    found = []
    for link in value.split("<")[1:]:
        target, closed, rest = link.partition(">")
        parameters: dict[str, str] = {}
        for parameter in rest.split(";")[1:]:
            name, _, said = parameter.partition("=")
            parameters.setdefault(name.strip().lower(), said.strip(' \t,"').lower())
        if closed and "license" in parameters.get("rel", "").split():
            found.append((target.strip(), parameters.get("type", "")))
    return found


def _pairs(value: str) -> dict[str, str]:
    """`a=b, c=d;x` as {a: b, c: d}, in lower case; of two equal names the last counts (RFC 9651, section 3.2)."""
    found = {}
    for item in value.lower().split(","):
        name, _, said = item.partition("=")
        found[name.strip()] = said.partition(";")[0].strip(' \t"')
    return found


def _tdm(where: str, value: str) -> list[str]:
    said = value.strip().strip('"')
    return [f"{where}:tdm={said}"] if said in ("0", "1") else []


def _robots_tag(value: str) -> list[str]:
    """Tokens of one `X-Robots-Tag`: an agent's name and a colon before a directive hold for what follows."""
    found: list[str] = []
    where = "header"
    for item in value.split(","):
        agent, colon, directive = item.partition(":")
        agent = agent.strip().lower()
        if colon and agent not in _VALUED:
            where = f"header@{agent}" if is_agent(agent) else "header" if agent in ("*", "robots") else ""
            item = directive
        if where:
            found += _directives(where, item)
    return found


def _directives(where: str, value: str) -> list[str]:
    words = [word.strip().lower() for word in value.replace(" ", ",").split(",", 4 * MOST)]
    return [f"{where}:{_DIRECTIVES[word]}" for word in words if word in _DIRECTIVES]
