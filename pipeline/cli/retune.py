"""The verb `retune`: other thresholds, without reading the inputs again."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from pipeline.cli.arguments import Address, EngineName, Json, Quiet, Settings, Workers, check_paths
from pipeline.cli.execute import execute, publish_report
from pipeline.errors import UsageError
from pipeline.store import open_folder


def retune(
    run: Annotated[str, typer.Argument(metavar="RUN", help="a run folder: a path or a URL")],
    settings: Settings = [],  # noqa: B006 (typer copies it)
    patch: Annotated[
        str | None,
        typer.Option("--patch", metavar="FILE", help="a recipe patch: YAML with what changes; --set wins"),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="NEW", help="run folder to make (default: RUN-retuned)")
    ] = None,
    engine: EngineName = "local",
    address: Address = None,
    workers: Workers = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Decide again with other thresholds, from stored signals; NEW goes as far as RUN did, and RUN is untouched.

    What it gives is what `run` would give with these settings, byte for byte. No input is read, except single pages
    that the cascade had screened and that could be kept now.

    Example: sluice retune run --set filters.gopher_quality.min_words=40
    """
    from pipeline.patch import load_patch
    from pipeline.retune import result, retuning

    out = out or f"{run.rstrip('/')}-retuned"
    check_paths([run], out)
    folder, target = open_folder(run), open_folder(out)
    if target.url == folder.url:
        raise UsageError(f"--out {out}: that is RUN itself, which stays as it is")
    found = retuning(folder, settings, load_patch(patch) if patch is not None else None)
    code = execute(
        found.recipe,
        found.files,
        out,
        until=found.until,
        only=found.only,
        engine_name=engine,
        address=address,
        workers=workers,
        quiet=quiet,
        earlier=found,
    )
    if folder.exists("report.html"):
        publish_report(target)
    done = result(found, target)
    if json:
        print(msgspec.json.encode({**done, "exit_code": code}).decode())
    else:
        print(
            f"{done['out']}: {done['kept_after']:,} documents kept, {done['kept_before']:,} before; "
            f"{done['decided']:,} decided from stored signals, {done['reread']:,} records read again"
        )
    raise typer.Exit(code)
