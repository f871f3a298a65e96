"""128-bit hashes of normalised addresses: equal hashes mean that two documents came from one address.

`whatwg` parses and serialises an address as the URL Standard says (https://url.spec.whatwg.org, by Ada): lower-case
scheme and host, IDNA, no default port, no dot segments, percent-encoding by component. The fragment is cut off, since
it never reaches a server. `c4` is the form that C4's code compares (Raffel et al. 2020; TensorFlow Datasets,
`c4_utils.normalize_url`): `http://`, `https://` and a `www.` after them removed wherever they stand, everything from a
`?` on that `utm_`, `ref` or `feed` follows, and slashes at the end. It keeps the case and other parameters as they are.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = np.ndarray[Any, Any]

BYTES = 16  # of a hash


def normal_urls(urls: pa.Array, variant: Literal["whatwg", "c4"]) -> list[str]:
    """The normalised form of each address; empty for a null, an empty one and, with `whatwg`, for what is none."""
    return _whatwg(urls) if variant == "whatwg" else _c4(urls)


def url_hashes(urls: pa.Array, variant: Literal["whatwg", "c4"]) -> tuple[Array, Array]:
    """Hashes (n, 2) of uint64 and which of them count, (n,) of bool: a document without an address takes no part."""
    normal = normal_urls(urls, variant)
    digests = b"".join([hashlib.blake2b(url.encode(), digest_size=BYTES).digest() for url in normal])
    valid = np.fromiter(map(bool, normal), np.bool_, len(normal))
    return np.frombuffer(digests, "<u8").astype(np.uint64).reshape(-1, 2), valid


def _whatwg(urls: pa.Array) -> list[str]:
    import can_ada

    def serialised(url: str | None) -> str:
        if not url:
            return ""
        try:
            # A serialised address has its first `#` before the fragment: elsewhere it is percent-encoded. What ends
            # in spaces without it is an opaque path, which loses them, as when the fragment is set to none.
            return can_ada.parse(url).href.partition("#")[0].rstrip(" ")
        except ValueError:
            return ""

    return [serialised(url) for url in urls.to_pylist()]


def _c4(urls: pa.Array) -> list[str]:
    column = pc.fill_null(urls.cast(pa.large_string()), "")
    column = pc.replace_substring_regex(column, r"https?://(www\.)?", "")
    column = pc.replace_substring_regex(column, r"\?(utm_|ref|feed).*", "")
    forms: list[str] = pc.utf8_rtrim(column, characters="/").to_pylist()
    return forms
