"""What the scanner knows of HTML elements: a number and properties for each name that matters.

Properties follow the rendering section of the HTML standard (15.3: which elements are displayed as blocks) and its
sectioning elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Bits of an element's properties.
BLOCK, VOID, RAW, SKIP, PRE, LINK, STRONG, BREAK = (1 << bit for bit in range(8))

_OTHER_BLOCKS = (
    "address center details dialog dir fieldset hgroup html body legend menu optgroup summary search colgroup"
).split()
_VOID = (
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr"
).split()
_RAW = "script style xmp iframe noembed noframes".split()  # text without references or tags
_SKIP = "template svg math canvas object audio video map select datalist textarea script style iframe".split()
_STRONG = "b strong em i u".split()

# Elements with a number of their own, which the model sees; 0 is every other element.
NAMED = (
    "p div li td th h1 h2 h3 h4 h5 h6 pre blockquote dt dd figcaption span a section article main nav "
    "header footer aside form figure table tr ul ol dl tbody thead tfoot caption button label title "
    "br hr font"
).split()
NUMBER = {name: number for number, name in enumerate(NAMED, 1)}
H1, H6, LI, TR, TD, TH, OL, TABLE, PRE_TAG = (NUMBER[n] for n in "h1 h6 li tr td th ol table pre".split())
TITLE, BR, P, BUTTON = (NUMBER[n] for n in "title br p button".split())
_INLINE = ("span", "a", "label", "font")


def name_hash(name: str) -> int:
    """FNV-1a of a name's UTF-8, 64 bits, as the scanner computes it."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def hash_table(hashes: list[int]) -> tuple[Array, Array]:
    """Open addressing: (keys uint64, positions int32), a power of two long, at most half full; key 0 is free."""
    size = 16
    while size < 2 * len(hashes):
        size *= 2
    keys, positions = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
    for position, value in enumerate(hashes):
        at = value & (size - 1)
        while keys[at] != 0 and keys[at] != value:
            at = (at + 1) & (size - 1)
        keys[at], positions[at] = value, position
    return keys, positions


def element_table() -> tuple[Array, Array, Array]:
    """(keys, positions) of all names that have a number or properties, and by position (number, properties) int32."""
    properties: dict[str, int] = dict.fromkeys(NAMED, BLOCK)
    properties.update(dict.fromkeys(_INLINE, 0))
    properties.update(dict.fromkeys(_OTHER_BLOCKS, BLOCK))
    for names, bit in ((_VOID, VOID), (_RAW, RAW), (_SKIP, SKIP), (_STRONG, STRONG)):
        for name in names:
            properties[name] = properties.get(name, 0) | bit
    for name, bit in (("pre", PRE), ("listing", PRE | BLOCK), ("a", LINK), ("br", BREAK)):
        properties[name] = properties.get(name, 0) | bit
    names_ = sorted(properties)
    keys, positions = hash_table([name_hash(name) for name in names_])
    values = np.array([[NUMBER.get(name, 0), properties[name]] for name in names_], np.int32)
    return keys, positions, values


# Words in class, id, role and itemprop attributes by what they say of an element; the order gives the bits.
KINDS = {
    "comments": "comment comments commentlist disqus respond reply replies discussion",
    "related": "related recommended recommendations more popular trending similar teaser teasers latest recent archive",
    "sharing": "share sharing social facebook twitter addthis like follow whatsapp",
    "sidebar": "sidebar aside rail complementary widget widgets secondary column col",
    "navigation": "nav navigation navbar menu breadcrumb breadcrumbs pager pagination tabs toolbar skip",
    "footer": "footer foot contentinfo copyright legal colophon",
    "header": "header masthead banner top logo branding",
    "advertising": "ad ads advert advertisement sponsor sponsored promo promotion adsense banner",
    "subscription": "newsletter subscribe subscription signup login register paywall donate modal popup overlay",
    "byline": "byline author authors meta date time published timestamp dateline posted info credit",
    "caption": "caption figcaption wp-caption image photo gallery slideshow carousel video player media",
    "tags": "tag tags category categories keywords topics labels",
    "title": "title headline heading subtitle subhead entry-title",
    "body": "content entry article post body story text main maincontent articlebody richtext prose markdown copy",
    "cookies": "cookie cookies consent gdpr privacy notice alert",
    "code": "code highlight syntax listing source snippet pre prettyprint",
}


def kinds_table() -> tuple[Array, Array, Array]:
    """(keys, positions) of the words of KINDS, and by position the bits of the kinds, int32."""
    bits: dict[str, int] = {}
    for bit, words in enumerate(KINDS.values()):
        for word in words.split():
            bits[word] = bits.get(word, 0) | 1 << bit
    keys, positions = hash_table([name_hash(word) for word in bits])
    return keys, positions, np.array(list(bits.values()), np.int32)
