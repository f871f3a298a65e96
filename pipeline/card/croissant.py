"""`croissant.json`: the corpus as Croissant 1.1 describes it (JSON-LD), with the fields on responsible AI.

Sources: MLCommons, Croissant Format Specification 1.1, and Croissant RAI Specification 1.0. The context is the one that
the specification gives. Files are one FileSet of this folder; nested columns are left to readers of Parquet.
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any

from pipeline.card.header import TERMS, citation, data_files, languages, pretty_name
from pipeline.card.judged import rules
from pipeline.card.limits import limits
from pipeline.dedup.scope import crawl_labels
from pipeline.show import show_text

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.card.contents import Contents
    from pipeline.report.run import Run

VERSION = "http://mlcommons.org/croissant/1.1"
_OWN = (
    *(
        "arrayShape",
        "citeAs",
        "column",
        "containedIn",
        "equivalentProperty",
        "excludes",
        "extract",
        "field",
        "fileObject",
    ),
    *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *(
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
    ),
    *("source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _OWN},
}


def croissant(run: Run, found: Contents) -> str:
    """The description of the published files, as JSON. Says nothing that the card does not."""
    files = f"{found.under}-files"
    said = [_plain(one) for one in limits(run, found)]
    counts = run.counts
    masked = ", ".join(f"{kind} {number:,}" for kind, number in counts["masked"].items() if number)
    description = show_text(run.recipe.description or pretty_name(run), 1000)
    value: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": re.sub(r"[^A-Za-z0-9_.-]+", "-", pretty_name(run)),
        "description": f"{found.rows:,} documents of web text. {description}",
        "citeAs": citation(run),
        "keywords": ["pretraining", "web", "sluice"],
        "version": f"1.0.0+{counts['digest'][:12]}",
        "license": TERMS
        if any(crawl_labels(run.inputs).values())
        else "Rights remain with the pages: see README.md",
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": files,
                "name": files,
                "description": f"{len(found.outputs):,} Parquet files, {found.size:,} bytes.",
                "encodingFormat": "application/x-parquet",
                "includes": data_files(found),
            }
        ],
        "rai:dataCollection": "Pages of web crawls, as their WARC files hold them; nothing was fetched anew.",
        "rai:dataCollectionType": ["Web Scraping"],
        "rai:dataPreprocessingProtocol": [
            f"{one.rule}: drops a document when {one.condition}" for one in rules(run)
        ],
        "rai:dataLimitations": said,
        "rai:personalSensitiveInformation": [f"Masked: {masked}." if masked else "Nothing was masked."],
        "rai:dataUseCases": ["Pretraining of language models."],
    }
    if spoken := languages(found.languages):
        value["inLanguage"] = spoken
    if found.first:
        value["rai:dataCollectionTimeframe"] = [f"{found.first}T00:00:00", f"{found.last}T23:59:59"]
    if found.schema is not None:
        value["recordSet"] = [_records(found.schema, files)]
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _plain(text: str) -> str:
    return unescape(text).replace("**", "").replace("`", "")


def _records(schema: pa.Schema, files: str) -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"documents/{field.name}",
            "name": field.name,
            "dataType": kind,
            "source": {"fileSet": {"@id": files}, "extract": {"column": field.name}},
        }
        for field in schema
        if (kind := _kind(field.type)) is not None
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "documents",
        "name": "documents",
        "key": {"@id": "documents/id"},
        "field": fields,
    }


def _kind(kind: pa.DataType) -> str | None:
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "sc:Text"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    if pa.types.is_floating(kind):
        return "sc:Float"
    return "sc:Boolean" if pa.types.is_boolean(kind) else None
