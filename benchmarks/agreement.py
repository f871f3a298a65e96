"""Who keeps what: every shipped recipe's filters on the same real pages, as a table and a plot.

Each recipe extracts with its own extractor (`--extractor NAME`: all with that one, so that only filters differ) and
decides with the filters that it can apply without lists and models of its own; what it leaves out for want of one is
printed. Duplicates are not looked for. A cell says which share of the pages that the row's recipe keeps the column's
keeps, too; the last columns say what each keeps of all pages and what no other recipe keeps.

    python benchmarks/agreement.py [WARC...] [--extractor NAME] [--language en] [--svg FILE]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CELL, LEFT, TOP = 46, 130, 110


def main() -> None:
    """Print the table, and draw it if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("warc", nargs="*", type=Path, help="default: $SLUICE_DATA/web/*.warc.gz")
    parser.add_argument("--extractor", help="one for all recipes")
    parser.add_argument("--svg", type=Path, help="where to draw the matrix")
    options = parser.parse_args()
    files = options.warc or sorted((Path(os.environ["SLUICE_DATA"]) / "web").glob("*.warc.gz"))
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        keeps, pages = kept(files, options.extractor, Path(folder))
    print_table(keeps, pages)
    if options.svg:
        options.svg.write_text(draw(keeps, pages), encoding="utf-8")
        print(f"\ndrawn in {options.svg}")


def kept(files: Sequence[Path], extractor: str | None, folder: Path) -> tuple[dict[str, set[str]], int]:
    """Recipe to the ids that it keeps, and the number of pages that were read."""
    from pipeline.recipe import load, shipped

    keeps: dict[str, set[str]] = {}
    texts: dict[str, pa.Table] = {}
    for name in shipped():
        recipe = load(name)
        if name == "tiny" or recipe.filters is None:
            continue
        settings = recipe.extract
        key = extractor or f"{settings.extractor}-{settings.favor}"
        if key not in texts:
            chosen = [
                f"extract.extractor={extractor or settings.extractor}",
                f"extract.favor={settings.favor}",
            ]
            texts[key] = extracted(files, chosen, folder / key)
        for one in recipe.left_out:
            print(f"{name}: {one}")
        chain = recipe.loaded_chain()
        ids: set[str] = set()
        for at in range(0, texts[key].num_rows, 512):
            part = texts[key].slice(at, 512)
            ids |= set(part.filter(pa.array(chain.apply(part).verdict.keep))["id"].to_pylist())
        keeps[name] = ids
        print(f"{name}: keeps {len(ids)} of {texts[key].num_rows}", file=sys.stderr)
    return keeps, max(table.num_rows for table in texts.values())


def extracted(files: Sequence[Path], settings: Sequence[str], out: Path) -> pa.Table:
    """All pages of the files as text."""
    import subprocess

    pairs = [word for pair in (*settings, "extract.cascade=null") for word in ("--set", pair)]
    command = [sys.executable, "-m", "pipeline", "extract", "fineweb", "--input", *map(str, files)]
    subprocess.run([*command, "--out", str(out), "--quiet", *pairs], check=True, cwd=ROOT)
    return pa.concat_tables(pq.read_table(path) for path in sorted((out / "extracted").glob("*.parquet")))


def shares(keeps: dict[str, set[str]]) -> np.ndarray:
    """Of what the row keeps, the share that the column keeps, too; float64 [recipes, recipes]."""
    sets = list(keeps.values())
    return np.array([[len(row & column) / max(len(row), 1) for column in sets] for row in sets])


def print_table(keeps: dict[str, set[str]], pages: int) -> None:
    """The matrix in per cent."""
    names = list(keeps)
    print(
        f"\n{'of its pages, kept by':16}"
        + "".join(f"{name[:9]:>10}" for name in names)
        + f"{'of all':>8}{'alone':>7}"
    )
    for name, row in zip(names, shares(keeps), strict=True):
        alone = len(keeps[name].difference(*(ids for other, ids in keeps.items() if other != name)))
        cells = "".join(f"{100 * share:9.1f} " for share in row)
        print(f"{name:21}{cells}{100 * len(keeps[name]) / pages:7.1f}{alone:7}")


def draw(keeps: dict[str, set[str]], pages: int) -> str:
    """The matrix as SVG: the darker, the more of the row's pages the column keeps."""
    names, matrix = list(keeps), shares(keeps)
    width, height = LEFT + CELL * len(names) + 80, TOP + CELL * len(names) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" font-size="14">Of the pages that the row keeps, the column keeps (%)</text>',
    ]
    for i, name in enumerate(names):
        x, y = LEFT + CELL * i, TOP + CELL * i
        parts.append(f'<text x="{LEFT - 8}" y="{y + CELL / 2 + 4}" text-anchor="end">{name}</text>')
        parts.append(f'<text transform="translate({x + CELL / 2 + 4} {TOP - 8}) rotate(-60)">{name}</text>')
        parts.append(
            f'<text x="{LEFT + CELL * len(names) + 8}" y="{y + CELL / 2 + 4}">'
            f"{100 * len(keeps[name]) / pages:.0f} % of all</text>"
        )
        for j, share in enumerate(matrix[i]):
            shade = f"rgb({round(247 - 214 * share)},{round(251 - 139 * share)},{round(255 - 74 * share)})"
            ink = "#fff" if share > 0.55 else "#222"
            parts.append(
                f'<rect x="{LEFT + CELL * j}" y="{y}" width="{CELL - 2}" height="{CELL - 2}" fill="{shade}"/>'
                f'<text x="{LEFT + CELL * j + CELL / 2 - 1}" y="{y + CELL / 2 + 4}" text-anchor="middle" '
                f'fill="{ink}">{100 * share:.0f}</text>'
            )
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    main()
