"""Crawled text for human eyes: nothing in it may act in a terminal."""

from __future__ import annotations

import unicodedata

# Directional overrides and isolates can make a line read as something else; separators break lines.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def show_text(text: object, limit: int = 200) -> str:
    """`text` on one line with control, format and bidirectional characters drawn as escapes, cut to `limit`."""
    value = "" if text is None else str(text)
    cut = value[:limit]
    if cut.isprintable():  # nothing of what is hidden is: the common case, thirty times as fast
        return cut + ("…" if len(value) > limit else "")
    out = []
    for char in cut:
        if char == "\n":
            out.append("\u23ce")
        elif unicodedata.category(char) in _HIDDEN:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
        else:
            out.append(char)
    return "".join(out) + ("…" if len(value) > limit else "")


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(count) < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return ""


def duration(seconds: float) -> str:
    """Seconds as people read them."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
