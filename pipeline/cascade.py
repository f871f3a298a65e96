"""The cascade at work: addresses are judged in the worker, visible text in the child that may then extract the page.

What may be screened and when a look is sure enough stands in `filters/cascade.py`. Here is the road: `screen_for` says
what a recipe screens, `Cascade` what the worker does with a page, `look_then_extract` runs in the killable child, where
the look is bounded by the same clock and memory as the extraction it may save.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from filters.cascade import COLUMNS, REASON, Look, Screen, asset_names, by_address, by_look, look, screen_of
from filters.cascade import decisive as decides
from filters.document import OTHERS, SCHEMA
from pipeline import assets
from pipeline.extraction import CHEAP, Extraction, extract_page

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

EXTRACTED = pa.schema([*SCHEMA, OTHERS])  # the columns of `extracted/`, where they come from a WARC
LOOKED_AT = pa.schema(
    [
        *EXTRACTED,
        (REASON, pa.string()),
        *zip(COLUMNS, (pa.int64(), pa.int64(), pa.string(), pa.float64()), strict=True),
    ]
)
_PLACE = ("id", "url", "date", "warc_file", "warc_offset", "warc_length", "warc_offset_in")
_SMALL_PAGE = "<html><head><title>t</title></head><body><p>text</p></body></html>"
_VERSIONS = {"url_lists": "tldextract"}


def screen_for(recipe: Recipe) -> Screen | None:
    """What the recipe's filters let a cascade screen; None where that is nothing, or the cascade is off."""
    if recipe.filters is None or recipe.extract.cascade is None:
        return None
    steps = recipe.chain({}).steps
    return screen_of(
        steps, recipe.extract.cascade, any(name not in CHEAP for name in recipe.extract.extractors)
    )


def settings(recipe: Recipe) -> object:
    """What decides which pages are screened, for the fingerprint: thresholds count while they screen."""
    screen = screen_for(recipe)
    if screen is None:
        return None
    needed = asset_names(screen)
    return {
        **decides(screen),
        "assets": {name: assets.digest(name) for name in needed},
        "versions": {name: version(_VERSIONS[name]) for name in needed if name in _VERSIONS},
    }


class Cascade:
    """A worker's part: it screens addresses, and makes rows of what the looks of the child saw."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen

    @functools.cached_property
    def _assets(self) -> dict[str, Any]:
        return {name: assets.load(name) for name in asset_names(self.screen)}

    def addresses(self, urls: Sequence[str]) -> list[str | None]:
        """The rule that screens each address, or None."""
        return by_address(urls, self.screen, self._assets)

    def rule(self, seen: Sequence[Any] | None) -> str | None:
        """The rule that screens a page by its look, or None; also where it has none."""
        return None if seen is None else by_look(Look(*seen[: len(Look._fields)]), self.screen)


def screened_row(row: dict[str, Any], rule: str, seen: Sequence[Any] | None = None) -> dict[str, Any]:
    """The row of a screened page: its place and what the look saw; what the page states was not read."""
    return {name: row.get(name) for name in _PLACE} | {REASON: rule} | look_columns(seen)


def look_columns(seen: Sequence[Any] | None) -> dict[str, Any]:
    """What a look saw, as columns; none where the page was not looked at."""
    return dict(zip(COLUMNS, seen, strict=False)) if seen is not None else {}


def table(rows: list[dict[str, Any]], screen: Screen | None) -> pa.Table:
    """Rows as a table of `schema(screen)`; missing columns are null, unknown ones an error."""
    columns = schema(screen)
    unknown = {key for row in rows for key in row} - set(columns.names)
    if unknown:
        raise ValueError(f"not columns of an extracted document: {sorted(unknown)}")
    return pa.Table.from_pylist(rows, schema=columns)


def schema(screen: Screen | None) -> pa.Schema:
    """The columns of documents that were extracted from a WARC with this screen."""
    return EXTRACTED if screen is None else LOOKED_AT


def look_then_extract(
    page: str | bytes, url: str, extractors: Sequence[str], favor: str, comments: bool, screen: str
) -> Extraction:
    """The extraction of a page with its look, or the look alone where that is sure that the page will be dropped.

    A PDF is read without a look.

    `screen` is a `Screen` as JSON. `Extraction.look` holds the fields of `Look`, then the processor seconds of the look
    and of the extraction.
    """
    from pipeline.extraction.visible import visible_text

    decoded, loaded = _ready(tuple(extractors), favor, comments, screen)
    if isinstance(page, bytes):
        return extract_page(page, url, extractors, favor, comments)
    started = time.process_time()
    seen = look(visible_text(page), decoded, loaded)
    rule = by_look(seen, decoded)
    looked = time.process_time()
    if rule is not None:
        return Extraction("", look=[*seen, looked - started, 0.0])
    found = extract_page(page, url, extractors, favor, comments)
    return found._replace(look=[*seen, looked - started, time.process_time() - looked])


@functools.cache
def _ready(
    extractors: tuple[str, ...], favor: str, comments: bool, screen: str
) -> tuple[Screen, dict[str, Any]]:
    """Everything that a child inherits from the zygote: the screen, its models, and what the extractor imports."""
    # Here, as compiled loops take a while to load: not every command needs them.
    from pipeline.extraction.visible import visible_text

    decoded = msgspec.json.decode(screen, type=Screen)
    names = [name for name in asset_names(decoded) if name == "lid176"]  # addresses are not judged here
    loaded = {name: assets.load(name) for name in names}
    look(visible_text(_SMALL_PAGE), decoded, loaded)
    extract_page(_SMALL_PAGE, "", extractors, favor, comments)
    return decoded, loaded
