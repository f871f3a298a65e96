"""Stages `robots` and `hosts`: what the crawl's robots.txt say to the recipe's agents, by host, and one table of it.

`robots` is a map over the files that the recipe names; `hosts` is one shard that merges what they say, with 32 bytes a
record and some 200 a distinct set of rules in its memory. The filter stage maps the table into memory. A recipe without
`robots` has neither stage.
"""

from __future__ import annotations

import functools
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipeline.inputs import ranges
from pipeline.ledger import Input
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import all_in_one, as_input
from pipeline.store import open_folder
from pipeline.store.parquet import iterate

if TYPE_CHECKING:
    from pipeline.recipe import Recipe
    from pipeline.robots import RobotsTable

ROBOTS = pa.schema(
    [("host", pa.uint64()), ("date", pa.string()), ("rules", pa.binary()), ("moved", pa.uint64())]
)
_BATCH = 4096


def agents(recipe: Recipe) -> tuple[str, ...]:
    """The product tokens that the recipe's filter `optout` asks for."""
    from filters import optout

    settings = next((step.settings for step in recipe.chain({}).steps if step.name == "optout"), None)
    return optout.agents(settings) if settings is not None else ()


def settings(recipe: Recipe) -> object:
    """The agents: nothing else is kept of a robots.txt."""
    return {"agents": agents(recipe)}


def plan_robots(planning: Planning) -> list[Shard]:
    """One shard a byte range of a WARC, one a file of rows."""
    from pipeline.robots import robots_files

    shards = []
    for number, file in enumerate(robots_files(planning.recipe.robots)):
        for start, end in ranges(file.size) if file.kind == "warc" else [(0, file.size)]:
            shards.append(
                Shard(
                    name=f"{number:06d}-{start:012d}",
                    inputs=[Input(name=f"{file.name}:{start}-{end}", digest=file.digest)],
                    parameters={"path": file.path, "kind": file.kind, "start": start, "end": end},
                )
            )
    return shards


def run_robots(shard: Shard, attempt: Attempt) -> None:
    """Parse every robots.txt of a shard for the agents."""
    from pipeline.robots import HostRules, host_key, read_robots

    parameters = shard.parameters
    counts: Counter[str] = Counter()
    waiting: list[HostRules] = []

    def flush() -> None:
        columns = {
            "host": pa.array([host_key(one.host) for one in waiting], pa.uint64()),
            "date": [one.date for one in waiting],
            "rules": pa.array([one.rules for one in waiting], pa.binary()),
            "moved": pa.array([host_key(one.moved) if one.moved else 0 for one in waiting], pa.uint64()),
        }
        attempt.write("robots", pa.table(columns, schema=ROBOTS))
        waiting.clear()
        attempt.report({"documents": counts["records"]})

    place = (parameters["path"], parameters["kind"], parameters["start"], parameters["end"])
    for found in read_robots(*place, agents(attempt.recipe), counts):
        waiting.append(found)
        if len(waiting) == _BATCH:
            flush()
    flush()
    attempt.counts.update(counts)
    attempt.documents = counts["records"]
    attempt.bytes_in = parameters["end"] - parameters["start"]


def plan_hosts(planning: Planning) -> list[Shard]:
    """Everything at once: a host's robots.txt may stand in any file."""
    files = [(receipt.shard, output) for receipt, output in planning.outputs("robots", "robots")]
    return all_in_one(planning, "all", files)


def run_hosts(shard: Shard, attempt: Attempt) -> None:
    """Merge what the shards say of each host, the latest record first, and write the table."""
    from pipeline.robots import TableBuilder

    with open(attempt.scratch / "rules", "w+b") as blob:
        builder = TableBuilder(blob)
        for name in shard.parameters["files"]:
            for table in iterate(attempt.folder, name, None, _BATCH):
                builder.add(*(table[column].to_pylist() for column in ("host", "date", "rules", "moved")))
                attempt.counts.update({"in": table.num_rows})
        path = attempt.scratch / "robots.bin"
        hosts = builder.write(path)
    attempt.add_file(path, "hosts", "robots.bin", hosts)
    attempt.counts.update({"out": hosts})
    attempt.documents = hosts


def with_table(planning: Planning, shards: list[Shard]) -> list[Shard]:
    """Shards of documents that look hosts up in the table, if the recipe has one."""
    if "hosts" not in planning.active:
        return shards
    _, table = next(iter(planning.outputs("hosts", "hosts")))
    return [
        Shard(
            name=shard.name,
            inputs=[*shard.inputs, as_input(table)],
            parameters={**shard.parameters, "hosts": table.name},
        )
        for shard in shards
    ]


@functools.lru_cache(maxsize=1)
def table_of(folder: str, name: str) -> RobotsTable:
    """The table of a run, opened once by a process; from an object store it is copied to a temporary file first."""
    from pipeline.robots import RobotsTable

    with tempfile.TemporaryDirectory() as scratch:
        return RobotsTable(open_folder(folder).local(name, Path(scratch)))


ROBOTS_STAGE = Stage(
    name="robots",
    version=1,
    folders=("robots",),
    settings=settings,
    plan=plan_robots,
    run=run_robots,
    needed=True,
)
HOSTS = Stage(
    name="hosts",
    version=1,
    folders=("hosts",),
    settings=settings,
    plan=plan_hosts,
    run=run_hosts,
    needed=True,
)
