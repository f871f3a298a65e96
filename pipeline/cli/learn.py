"""Verbs about models and about this machine: eval, generate, doctor."""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from pipeline.cli.arguments import Json
from pipeline.errors import UsageError, UserError

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="a model folder, such as RUN/model")]


def _model_file(model: Path, name: str) -> Path:
    path = model / name
    if not path.is_file():
        raise UsageError(f"{model} is no model folder (it has no {name})")
    return path


def evaluate(
    model: Model,
    documents: Annotated[
        list[str], typer.Option("--documents", metavar="PATH", help="Parquet or JSONL files")
    ],
    json: Json = False,
) -> None:
    """Perplexity and bits per byte of a model on documents, by domain (column `domain`, if there is one).

    Example: sluice eval run/model --documents run/corpus --json
    """
    from pipeline.scoring import score_documents

    tokenizer = _model_file(model, "tokenizer.json")
    _model_file(model, "model.safetensors")
    found = score_documents(model, tokenizer, documents)
    if json:
        print(msgspec.json.encode(found).decode())
        return
    for kind, number in found["failed"].items():
        print(f"sluice: {number} row(s) could not be read: {kind}", file=sys.stderr)
    rows = {**found["domains"], "all": found["overall"]}
    print(f"{'domain':<16}{'documents':>10}{'tokens':>12}{'perplexity':>12}{'bits/byte':>11}")
    for name, row in rows.items():
        figures = f"{row['perplexity']:>12.2f}{row['bits_per_byte']:>11.4f}"
        print(f"{name:<16}{row['documents']:>10,}{row['tokens']:>12,}{figures}")


def generate(
    model: Model,
    prompt: Annotated[str, typer.Option("--prompt", help="text to go on from")] = "",
    tokens: Annotated[int, typer.Option("--tokens", min=1, help="how many tokens to write")] = 60,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0.0, help="0: always the likeliest")
    ] = 0.8,
    seed: Annotated[int, typer.Option("--seed", help="of the draw")] = 0,
) -> None:
    """Let a model go on from a prompt.

    Example: sluice generate run/model --prompt "The function returns" --tokens 20
    """
    from pipeline.tokenizer import END_OF_TEXT, load_tokenizer

    path = _model_file(model, "tokenizer.json")
    try:
        tokenizer = load_tokenizer(path)
    except ValueError as error:
        raise UserError(f"{path} is no tokenizer: {error}") from None
    _model_file(model, "model.safetensors")
    from train.generate import generate as write

    eos = tokenizer.token_to_id(END_OF_TEXT)
    if eos is None:
        raise UserError(f"{model}/tokenizer.json has no token {END_OF_TEXT}")
    start = tokenizer.encode(prompt, add_special_tokens=False).ids or [eos]
    written = list(write(model, start, max_tokens=tokens, temperature=temperature, seed=seed))
    print(_lines(prompt + tokenizer.decode(written)))


def _lines(text: str) -> str:
    """Text of a model for a terminal: lines and tabs as they are, nothing else in it may act."""
    from pipeline.show import show_text

    parts = re.split(r"([\n\t])", text)
    return "".join(part if part in ("\n", "\t") else show_text(part, len(part)) for part in parts)


def doctor(json: Json = False) -> None:
    """What this machine has, what is missing, and how to get it.

    Example: sluice doctor
    """
    found = _examine()
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        for name, value in found["machine"].items():
            print(f"{name:<16} {value}")
        for name, value in found["versions"].items():
            print(f"{name:<24} {value}")
        for problem in found["problems"]:
            print(f"problem: {problem}", file=sys.stderr)
    raise typer.Exit(1 if found["problems"] else 0)


_PACKAGES = (
    "sluice",
    "trafilatura",
    "warcio",
    "fasttext-numpy2-wheel",
    "datasketch",
    "datatrove",
    "pyarrow",
    "ray",
    "torch",
)


def _examine() -> dict[str, Any]:
    from pipeline import assets
    from pipeline.engine.local import cores

    versions, problems = {}, []
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "run from its source folder" if name == "sluice" else "missing"
            if name != "sluice":
                problems.append(f"{name} is not installed: pip install {name}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machine: dict[str, Any] = {
        "python": sys.version.split()[0],
        "cores": cores(),
        "memory": f"{memory >> 30} GiB",
    }
    for name in assets.ASSETS:
        if (
            name.startswith("unigrams_") and name != "unigrams_en"
        ):  # one package has the lists of all languages
            continue
        try:
            machine[f"asset {name}"] = assets.digest(name)[:12]
        except (UserError, OSError, ValueError) as error:
            problems.append(str(error))
    try:
        import fasttext

        if not hasattr(fasttext, "train_supervised"):
            problems.append(
                "fasttext can only predict: pip install --force-reinstall --no-deps fasttext-numpy2-wheel"
            )
    except ImportError as error:
        problems.append(f"fasttext: {error}")
    machine["nvidia-smi"] = shutil.which("nvidia-smi") or "none: training runs on the CPU"
    ray_mode = os.environ.get("RAY_AUTH_MODE", "")
    machine["ray"] = os.environ.get("RAY_ADDRESS", "no cluster named in RAY_ADDRESS")
    if "RAY_ADDRESS" in os.environ and ray_mode != "token":
        problems.append("RAY_AUTH_MODE is not `token`: anyone who reaches the Ray head can run code on it")
    return {"machine": machine, "versions": versions, "problems": problems}
