"""What a recipe says about duplicates."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Kind = Literal["url", "exact", "minhash", "lines"]
# What removes duplicates: one public stage, and those before it that only it needs.
DEDUP_STAGES = ("signatures", "groups", "components", "members", "verify", "dedup")
# What cuts repeated lines: `cut_lines`, which documents are read with afterwards, and what only it needs.
LINES_STAGES = ("line_keys", "repeated_lines", "cut_lines")
# Stages whose files serve only the next.
SHUFFLED = ("groups", "components", "members", "verify", "line_keys", "repeated_lines")
KINDS: tuple[Kind, ...] = ("url", "exact", "minhash", "lines")


class VerifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Locality-sensitive hashing only proposes pairs; a pair counts if its true similarity says so.

    `jaccard` is |A & B| / |A | B| of the two sets of shingles, `containment` |A & B| / min(|A|, |B|).
    """

    measure: Literal["jaccard", "containment"] = "jaccard"
    threshold: Share = 0.75  # least similarity of a pair that joins two documents
    floor: Share = 0.6  # least similarity of a removed document to the one that survives for it

    def __post_init__(self) -> None:
        if self.floor > self.threshold:
            raise ValueError(f"floor: expected at most the threshold of {self.threshold}, got {self.floor}")


class MinHashSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """FineWeb's: 5-grams of words, 14 bands of 8 rows, so that Jaccard .75 is found with probability .77."""

    unit: Literal["words", "characters"] = "words"  # of the normal form
    ngram: Count = 5  # units of a shingle
    bands: Count = 14
    rows: Count = 8
    seed: Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)] = 1
    variant: Literal["affine32", "legacy", "datatrove"] = "affine32"
    longest: Count = 100_000  # shingles of a document that are looked at, from its beginning
    verify: VerifySettings | None = VerifySettings()  # null: every candidate pair counts, as with datatrove

    def __post_init__(self) -> None:
        if self.variant == "datatrove" and self.unit == "characters":
            raise ValueError("unit: datatrove's variant has shingles of words only")


class UrlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which form of an address is compared: serialised as the WHATWG standard says, or C4's."""

    variant: Literal["whatwg", "c4"] = "whatwg"


class LinesSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines or paragraphs that stand in several documents: all copies but one are cut out.

    `c4` compares lines as C4's code does and drops pages with fewer than `min_sentences` left; `ccnet` compares
    paragraphs by 64 bits of the SHA-1 of their normal form and keeps the first one.
    """

    variant: Literal["c4", "ccnet"] = "c4"
    unit: Literal["lines", "paragraphs"] = "lines"
    before: Literal["filters"] | None = None  # null: where `order` says
    min_sentences: Annotated[int, msgspec.Meta(ge=0)] | None = None  # null: C4's 3, and 0 for `ccnet`

    @property
    def fewest(self) -> int:
        """The fewest sentences that a page which lost lines is kept with; 0: any text will do."""
        if self.min_sentences is not None:
            return self.min_sentences
        return 3 if self.variant == "c4" else 0


Scope = Literal["crawl", "language", "global"]
SCOPES: tuple[Scope, ...] = ("crawl", "language", "global")


class DedupSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which kinds of duplicates are removed, in which order, among which documents, and which copy survives.

    A kind that is null (or false) is left out. Documents that an earlier kind removed take no part in later ones.
    """

    scope: Scope = "crawl"  # documents of different ones are never compared
    order: tuple[Kind, ...] = KINDS
    keep: str = (
        "first"  # oldest, newest, longest; or `best(COLUMN)`, `best(-COLUMN)`: the highest, lowest signal
    )
    url: UrlSettings | None = None
    exact: bool = True  # equal normal forms
    minhash: MinHashSettings | None = MinHashSettings()
    lines: LinesSettings | None = None

    def __post_init__(self) -> None:
        if sorted(self.order) != sorted(set(self.order)):
            raise ValueError(f"order: a kind is named twice in {list(self.order)}")
        if missing := [kind for kind in KINDS if self._on(kind) and kind not in self.order]:
            raise ValueError(
                f"order: {missing[0]} is not in {list(self.order)}; set it to null to leave it out"
            )
        if "lines" in self.kinds[1:-1]:
            raise ValueError("order: lines come first or last among the kinds")
        policy(self.keep)

    def _on(self, kind: Kind) -> bool:
        if kind == "lines":
            return self.lines is not None and self.lines.before is None
        return bool(getattr(self, kind))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that are looked for, in order; lines only where they are not cut before the filters."""
        return tuple(kind for kind in self.order if self._on(kind))

    @property
    def lines_at(self) -> Literal["filters", "first", "last"] | None:
        """Where repeated lines are cut: before the filters, or before or after all other kinds; null: nowhere."""
        if self.lines is None:
            return None
        if self.lines.before == "filters":
            return "filters"
        return "last" if self.kinds[-1] == "lines" else "first"

    @property
    def document_kinds(self) -> tuple[Kind, ...]:
        """The kinds that remove whole documents, in order."""
        return tuple(kind for kind in self.kinds if kind != "lines")


class Policy(msgspec.Struct, frozen=True):
    """Which copy survives; `column` and `sign` are those of `best`."""

    name: Literal["first", "oldest", "newest", "longest", "best"]
    column: str = ""
    sign: int = 1


def policy(text: str) -> Policy:
    """`keep` of a recipe; ValueError if it is none."""
    if text in ("first", "oldest", "newest", "longest"):
        return Policy(text)  # type: ignore[arg-type]
    if text.startswith("best(") and text.endswith(")") and (column := text[5:-1].lstrip("-")):
        return Policy("best", column, -1 if text[5] == "-" else 1)
    raise ValueError(f"keep: expected first, oldest, newest, longest or best(COLUMN), got {text!r}")


def policy_columns(keep: str) -> tuple[str, ...]:
    """The columns that a policy reads of documents, beyond text and date."""
    column = policy(keep).column
    return (column,) if column else ()
