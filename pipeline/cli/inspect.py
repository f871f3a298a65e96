"""Verbs that read what is there: records, status, stats, why, verify, repair, gc."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from pipeline.cli.arguments import EngineName, Json, Workers
from pipeline.errors import UserError
from pipeline.inputs import expand
from pipeline.show import show_text
from pipeline.store import open_folder

RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="a run folder: a path or a URL")]


def _print_json(value: Any) -> None:
    print(msgspec.json.encode(value).decode())


def records(
    warc: Annotated[list[str], typer.Argument(metavar="WARC...", help="WARC, ARC, WET or WACZ files")],
    json: Json = False,
) -> None:
    """A line a record: file, offset, length, type, URL, status, SHA-1 of the payload, problem.

    Example: sluice records sample.warc.gz --json
    """
    from pipeline.extract import records as read

    damaged = False
    for path in (path for pattern in warc for path in expand(pattern)):
        try:
            for record in read(path):
                damaged = damaged or record["type"] is None
                if json:
                    _print_json(record)
                else:
                    shown = (record[name] for name in _RECORD_COLUMNS)
                    print("\t".join("-" if value is None else show_text(value, 300) for value in shown))
        except BrokenPipeError:
            raise  # of stdout, not of the input
        except OSError as error:
            print(f"sluice: {show_text(path)}: {error.strerror or error}", file=sys.stderr)
            damaged = True
    raise typer.Exit(3 if damaged else 0)


_RECORD_COLUMNS = ("file", "offset", "length", "type", "status", "payload_sha1", "problem", "url")


def status(run: RunFolder, json: Json = False) -> None:
    """How far a run is.

    Example: sluice status run
    """
    from pipeline.stats import status as read

    found = read(open_folder(run))
    if json:
        _print_json(found)
        return
    print(f"{found['recipe']} on {len(found['inputs'])} input file(s) in {found['run']}")
    for stage in found["stages"]:
        planned, done = stage["shards"], stage["shards_done"]
        state = "done" if stage["closed"] else "under way or stopped" if done else "not begun"
        lost = f", {stage['given_up']} given up" if stage["given_up"] else ""
        count = f", {done} of {planned} shard(s)" if planned is not None else ""
        print(f"  {stage['stage']:<11} {state}{count}{lost}")


def stats(run: RunFolder, json: Json = False) -> None:
    """What became of every record, in counts that add up.

    Example: sluice stats run --json
    """
    from pipeline.progress import summary
    from pipeline.stats import stats as read

    found = read(open_folder(run))
    if json:
        _print_json(found)
    else:
        summary(found, Console())


def why(
    run: RunFolder,
    key: Annotated[str, typer.Argument(metavar="ID_OR_URL", help="a document's id or URL")],
    json: Json = False,
) -> None:
    """One document's whole story: record, every signal against its threshold, verdict, duplicate of what, tokens where.

    Example: sluice why run sample.warc.gz@0
    """
    from pipeline.why import why as read
    from pipeline.why_told import printed

    stories = read(open_folder(run), key)
    if json:
        _print_json(stories if len(stories) > 1 else stories[0])
        return
    for story in stories:
        for line in printed(story):
            print(line)


def verify(run: RunFolder, json: Json = False) -> None:
    """Check every published file against its receipt. Exit code 1 if anything is damaged.

    Example: sluice verify run --json
    """
    from pipeline.verify import verify as check

    found = check(open_folder(run))
    if json:
        _print_json(found)
    elif found["ok"]:
        print(f"ok: {found['checked']} files, digest {found['digest']}")
    else:
        for one in found["bad"]:
            print(
                f"{show_text(one['file'])}: {one['problem']} (stage {one['stage']}, shard {show_text(one['shard'])})"
            )
        print(f"{len(found['bad'])} damaged; mend with: sluice repair {run}", file=sys.stderr)
    raise typer.Exit(0 if found["ok"] else 1)


def repair(run: RunFolder, engine: EngineName = "local", workers: Workers = None) -> None:
    """Compute again only what `verify` finds damaged.

    Example: sluice repair run
    """
    from pipeline.cli.execute import execute, publish_report
    from pipeline.ledger import Ledger
    from pipeline.recipe import read_resolved
    from pipeline.road import read_inputs
    from pipeline.verify import asked_for, discard_bad, require_inputs
    from pipeline.verify import verify as check

    folder = open_folder(run)
    found = check(folder)
    if found["ok"]:
        print("nothing is damaged")
        return
    files = tuple(read_inputs(folder))
    until, only = asked_for(Ledger(folder))
    require_inputs(folder, files, found["bad"])  # before anything is removed
    discard_bad(folder, found["bad"])
    recipe = read_resolved(folder.read("recipe.yaml").decode(), f"{run}/recipe.yaml")
    code = execute(recipe, files, run, until=until, only=only, engine_name=engine, workers=workers)
    if folder.exists("report.html"):
        publish_report(folder)
    after = check(folder)
    if not after["ok"]:
        raise UserError(f"{len(after['bad'])} file(s) are still damaged: {after['bad'][0]['file']}")
    print(f"repaired {len(found['bad'])}; digest {after['digest']}")
    raise typer.Exit(code)


def gc(run: RunFolder) -> None:
    """Remove files that no receipt names, such as those of a killed run.

    Example: sluice gc run
    """
    from pipeline.collect import collect

    removed = collect(open_folder(run))
    print(f"removed {removed} file(s)")
