"""The address of a document with the places marked that rules about addresses count."""

from __future__ import annotations

from pipeline import assets
from pipeline.assets import MissingAssetError
from pipeline.dashboard.excerpt import ExcerptPiece, merged

_NAMES = ("domain", "subdomain", "address")  # rules that look a name up, which is only marked if it is listed


def marked_address(url: str, rule: str, fires: bool) -> list[ExcerptPiece]:
    """An address as it is shown, in pieces; `fires`: the rule drops the document.

    Without marks if the rule is none of the filter `url`, or its lists are not installed here.
    """
    from filters.url import address_spans

    if not url:
        return []
    name, _, own = rule.partition(".")
    spans = []
    if name == "url" and (fires or own not in _NAMES):
        try:
            host = assets.load("public_suffixes")(url)
            spans = address_spans(
                url, own, assets.load("url_lists"), host.fqdn, host.top_domain_under_public_suffix
            )
        except MissingAssetError:
            spans = []
    pieces, at = [], 0
    for start, end in merged(spans):
        pieces += [ExcerptPiece(url[at:start], False)] if start > at else []
        pieces.append(ExcerptPiece(url[start:end], True))
        at = end
    return [*pieces, ExcerptPiece(url[at:], False)] if at < len(url) else pieces
