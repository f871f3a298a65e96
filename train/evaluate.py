"""Perplexity and bits per byte of held-out documents, by domain.

A document is scored on its own, as it began in training: after the end-of-document token. Each of its tokens, its own
end-of-document token included, is scored exactly once. A document that fits the context is one window. A longer one is
read in windows of the whole context that each move on by `stride` tokens (half the context unless set) and score only
what is new, so that a token of a later window sees at least `context - stride` tokens before it.

Perplexity is exp(nats / tokens) and depends on the tokenizer; bits per byte is nats / ln 2 / UTF-8 bytes of the text
and does not. The 95 % interval of bits per byte is that of a ratio estimate over documents (delta method): it says how
far another sample of documents might lie, not another training run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch.nn import functional

from mixes.heldout import id_rank
from mixes.tokens import HeldoutDocument, TokenSet
from train.attention import only
from train.config import EvalSettings
from train.device import Place, prepare
from train.errors import TrainError
from train.export import load_model
from train.model import Decoder


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is scored: token ids (end-of-document included) and the bytes of the text."""

    domain: str
    tokens: np.ndarray
    bytes: int


def evaluate(model_dir: Path, tokens: TokenSet, settings: EvalSettings | None = None) -> dict[str, Any]:
    """Score held-out documents of a token set: {"domains": {name: row}, "overall": row, "windowing": text}.

    A row has documents, tokens, bytes, nats, perplexity, bits_per_byte and interval (of bits_per_byte, or null for a
    single document), and held_out (documents there were). Documents are taken in a fixed random order up to the limits.
    Where nothing was held out there are no domains, and the overall row counts nothing and has null for its scores.
    """
    limits = settings or EvalSettings()
    chosen, available = _chosen(tokens, limits)
    documents = (
        Document(domain=one.domain, tokens=tokens.document_tokens(one), bytes=one.bytes) for one in chosen
    )
    result = score(model_dir, documents, limits, vocab_size=tokens.vocab_size)
    for domain, row in result["domains"].items():
        row["held_out"] = available[domain]
    result["overall"]["held_out"] = sum(available.values())
    return result


def score(
    model_dir: Path, documents: Iterable[Document], settings: EvalSettings, *, vocab_size: int | None = None
) -> dict[str, Any]:
    """Score any documents with the model of a folder; see `evaluate`."""
    model, eos = load_model(model_dir)
    if vocab_size is not None and model.sizes.vocab_size != vocab_size:
        raise TrainError(
            f"{model_dir} has a vocabulary of {model.sizes.vocab_size}, the tokens of {vocab_size}"
        )
    place = prepare(settings.device, settings.threads, model.sizes.head_width)
    model.dtype = place.dtype
    model.to(place.device)
    scored = list(documents)
    stride = settings.stride or max(1, model.sizes.sequence // 2)
    if not 0 < stride <= model.sizes.sequence:
        raise TrainError(f"eval.stride must lie between 1 and the context of {model.sizes.sequence}")
    nats = document_nats(model, place, [one.tokens for one in scored], eos, stride, settings.batch)
    by_domain = {
        domain: [k for k, one in enumerate(scored) if one.domain == domain] for domain in _domains(scored)
    }
    return {
        "domains": {
            domain: _row([scored[k] for k in rows], nats[rows]) for domain, rows in by_domain.items()
        },
        "overall": _row(scored, nats),
        "windowing": f"context {model.sizes.sequence}, stride {stride}, every token scored once",
    }


def document_nats(
    model: Decoder, place: Place, documents: Sequence[np.ndarray], eos: int, stride: int, batch: int
) -> np.ndarray:
    """Sum of nats of each document, float64. Windows of similar length share a batch; padding is masked."""
    windows = [
        w for k, ids in enumerate(documents) for w in _windows(k, ids, eos, model.sizes.sequence, stride)
    ]
    windows.sort(key=lambda window: (len(window[1]), window[0]))
    nats = np.zeros(len(documents), dtype=np.float64)
    with torch.inference_mode(), only(place.attention):
        for start in range(0, len(windows), batch):
            group = windows[start : start + batch]
            for (document, _, _), value in zip(group, _window_nats(model, place, group, eos), strict=True):
                nats[document] += value
    return nats


_Window = tuple[
    int, np.ndarray, int
]  # document, input and target ids (one longer than the input), scored from


def _windows(document: int, ids: np.ndarray, eos: int, context: int, stride: int) -> Iterator[_Window]:
    """The windows of one document; the last element says how many of its first targets were scored before."""
    stream = np.concatenate([[eos], ids]).astype(np.int64)
    scored, start = 0, 0
    while scored < len(ids):
        end = min(start + context, len(ids))
        yield document, stream[start : end + 1], scored - start
        scored = end
        start = min(start + stride, max(0, len(ids) - context)) if end < len(ids) else end


def _window_nats(model: Decoder, place: Place, group: Sequence[_Window], eos: int) -> list[float]:
    length = max(len(ids) for _, ids, _ in group) - 1
    rows = np.full((len(group), length + 1), eos, dtype=np.int64)
    mask = np.zeros((len(group), length), dtype=bool)
    for k, (_, ids, first) in enumerate(group):
        rows[k, : len(ids)] = ids
        mask[k, first : len(ids) - 1] = True
    tokens = torch.from_numpy(rows).to(place.device)
    logits_BTV = model(tokens[:, :-1])
    losses = functional.cross_entropy(logits_BTV.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    kept = losses.view(len(group), length).double().cpu().numpy() * mask
    return [float(value) for value in kept.sum(axis=1)]


def _chosen(tokens: TokenSet, settings: EvalSettings) -> tuple[list[HeldoutDocument], dict[str, int]]:
    """The documents within the limits, domain by domain, and how many each domain has."""
    by_domain: dict[str, list[HeldoutDocument]] = {}
    for document in tokens.heldout():
        by_domain.setdefault(document.domain, []).append(document)
    chosen = []
    for domain in sorted(by_domain):
        ordered = sorted(by_domain[domain], key=lambda one: (id_rank(one.id), one.id))
        total = 0
        for count, document in enumerate(ordered):
            # At least one document, whatever its length, so that no domain goes without a number.
            full = settings.max_tokens is not None and total + document.length > settings.max_tokens
            if count and (full or (settings.max_documents is not None and count >= settings.max_documents)):
                break
            chosen.append(document)
            total += document.length
    return chosen, {domain: len(there) for domain, there in sorted(by_domain.items())}


def _domains(documents: Sequence[Document]) -> list[str]:
    return sorted({one.domain for one in documents})


def _row(documents: Sequence[Document], nats: np.ndarray) -> dict[str, Any]:
    if not documents:
        nothing = {"documents": 0, "tokens": 0, "bytes": 0, "nats": 0.0}
        return {**nothing, "perplexity": None, "bits_per_byte": None, "interval": None}
    sizes = np.array([one.bytes for one in documents], dtype=np.float64)
    tokens, total, whole = sum(len(one.tokens) for one in documents), float(nats.sum()), float(sizes.sum())
    bits = total / math.log(2) / whole if whole else math.nan
    spread = float(
        np.sqrt(((nats / math.log(2) - bits * sizes) ** 2).sum() * len(sizes) / max(1, len(sizes) - 1))
    )
    half = 1.96 * spread / whole if whole and len(sizes) > 1 else None
    return {
        "documents": len(documents),
        "tokens": tokens,
        "bytes": int(whole),
        "nats": total,
        "perplexity": math.exp(min(700.0, total / tokens)) if tokens else math.nan,
        "bits_per_byte": bits,
        "interval": None if half is None else [bits - half, bits + half],
    }
