"""The YAML header of a card, as the Hugging Face hub reads it.

Source: huggingface/hub-docs, `datasetcard.md` (keys and their values) and `datasets-manual-configuration` (configs).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from filters.language_codes import NO_LANGUAGE, UNDETERMINED, code_of, names
from pipeline.dedup.scope import crawl_labels
from pipeline.show import show_text

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.card.contents import Contents
    from pipeline.report.run import Run

LEAST_SHARE = 0.01  # of the documents, for a language to stand in the header
SPLIT = "train"
TERMS = "https://commoncrawl.org/terms-of-use"
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
# Where Arrow and the library `datasets` have different words for a type.
_TYPES = {"double": "float64", "float": "float32", "halffloat": "float16"}


def header(run: Run, found: Contents | None) -> dict[str, Any]:
    """Key to value, in the order of the hub's own example. Says nothing of files that are not there."""
    crawls = sorted({label for label in crawl_labels(run.inputs).values() if label})
    spoken = languages(found.languages) if found is not None else []
    value: dict[str, Any] = {"language": spoken} if spoken else {}
    value |= {"license": "other", "license_name": "rights-remain-with-the-pages"}
    if crawls:
        value["license_link"] = TERMS
    value |= {"pretty_name": pretty_name(run), "language_creators": ["found"]}
    value["annotations_creators"] = ["no-annotation"]
    if spoken:
        value["multilinguality"] = ["multilingual" if len(spoken) > 1 else "monolingual"]
    value |= {"task_categories": ["text-generation"], "task_ids": ["language-modeling"]}
    if found is None:
        return value | {"tags": ["pretraining", "web", "sluice", *crawls]}
    value |= {
        "size_categories": [size_category(found.rows)],
        "tags": ["pretraining", "web", "sluice", *crawls],
    }
    value["configs"] = [
        {
            "config_name": found.under,
            "default": True,
            "data_files": [{"split": SPLIT, "path": data_files(found)}],
        }
    ]
    value["dataset_info"] = _info(found)
    return value


def data_files(found: Contents) -> str | list[str]:
    """The published files: a pattern, or each by its name where other files would fit one."""
    return [one.name for one in found.outputs] if found.strays else f"{found.under}/*.parquet"


def pretty_name(run: Run) -> str:
    """What people call it: the recipe's name, on one line."""
    return f"{show_text(run.recipe.name, 80)} corpus"


def sluice_version() -> str:
    """The version of this program."""
    try:
        return version("sluice")
    except PackageNotFoundError:  # a checkout that is not installed
        return "of a checkout"


def citation(run: Run) -> str:
    """A BibTeX entry without authors, year and address, which the run does not know."""
    name = "".join(one if one.isalnum() or one in " .-" else " " for one in pretty_name(run))
    digest = run.counts["digest"]
    return (
        f"@misc{{sluice-{digest[:12]},\n  title = {{{name}}},\n"
        f"  howpublished = {{Made with Sluice {sluice_version()}, digest {digest}}}\n}}"
    )


def _info(found: Contents) -> dict[str, Any]:
    info: dict[str, Any] = {"config_name": found.under}
    fields = features(found.schema) if found.schema is not None else None
    if fields is not None:
        info["features"] = fields
    info["splits"] = [{"name": SPLIT, "num_bytes": found.unpacked, "num_examples": found.rows}]
    return info | {"download_size": found.size, "dataset_size": found.unpacked}


def size_category(count: int) -> str:
    """The hub's word for a number of examples: `n<1K`, `1K<n<10K`, ..., `n>1T`."""
    for power, size in enumerate(_SIZES, 3):
        if count < 10**power:
            return f"n<{size}" if power == 3 else f"{_SIZES[power - 4]}<n<{size}"
    return f"n>{_SIZES[-1]}"


def languages(counts: Mapping[str, int]) -> list[str]:
    """ISO 639 codes of the languages that at least `LEAST_SHARE` of the documents are in, the most frequent first."""
    by_code: dict[str, int] = {}
    for label, number in counts.items():
        if (code := iso_code(label)) is not None:
            by_code[code] = by_code.get(code, 0) + number
    least = LEAST_SHARE * sum(counts.values())
    return [
        code for code, number in sorted(by_code.items(), key=lambda one: (-one[1], one[0])) if number >= least
    ]


def iso_code(label: str) -> str | None:
    """The ISO 639-1 code of a model's label, without one there the 639-3 code; None for what is no language."""
    code = code_of(label)
    if code in (NO_LANGUAGE, UNDETERMINED):
        return None
    if len(code) > 2:  # Wikipedia's `als` is Alemannic, ISO's Tosk Albanian
        code = next((name[:3] for name in names(code) if "_" in name), code)
    return code if 2 <= len(code) <= 3 and code.isascii() and code.isalpha() and code.islower() else None


def features(schema: pa.Schema) -> list[dict[str, Any]] | None:
    """Columns as `dataset_info` describes them; None where one has a type that the library would read otherwise."""
    found = [
        {"name": field.name, **feature} for field in schema if (feature := _feature(field.type)) is not None
    ]
    return found if len(found) == len(schema) else None


def _feature(kind: pa.DataType) -> dict[str, Any] | None:
    import pyarrow as pa

    types = pa.types
    for name, is_list in (("list", types.is_list), ("large_list", types.is_large_list)):
        if is_list(kind):
            inner = _feature(kind.value_type) or {}
            element = inner.get("dtype", inner.get("struct"))
            return None if element is None else {name: element}
    if types.is_struct(kind):
        fields = features(pa.schema(list(kind)))
        return None if fields is None else {"struct": fields}
    same = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string)
    return {"dtype": _TYPES.get(str(kind), str(kind))} if any(is_one(kind) for is_one in same) else None
