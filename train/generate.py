"""Text from a model, token by token: greedy, or sampled at a temperature from the k most likely.

Each token reads the whole context again (the last `sequence` tokens): no cache of keys and values to keep right, at a
cost that a small model does not feel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from train.export import load_model


def generate(
    model_dir: Path,
    prompt: Sequence[int],
    *,
    max_tokens: int = 100,
    temperature: float = 0.0,
    top_k: int | None = None,
    seed: int = 0,
    threads: int = 2,
) -> Iterator[int]:
    """Yield the ids that follow `prompt` until the end-of-document token (not yielded) or `max_tokens`.

    Temperature 0 is greedy. The same arguments give the same tokens. Raises TrainError for a folder that holds no model
    and ValueError for a temperature below 0 or ids outside the vocabulary.
    """
    if temperature < 0:
        raise ValueError(f"the temperature must be at least 0, got {temperature}")
    torch.set_num_threads(threads)
    model, eos = load_model(model_dir)
    ids = [eos, *prompt]  # a document begins after the end of the one before
    if any(not 0 <= one < model.sizes.vocab_size for one in ids):
        raise ValueError(f"a token of the prompt is outside the vocabulary of {model.sizes.vocab_size}")
    source = torch.Generator().manual_seed(seed)
    for _ in range(max_tokens):
        with torch.inference_mode():
            context = torch.tensor([ids[-model.sizes.sequence :]])
            token = _pick(model(context)[0, -1], temperature, top_k, source)
        if token == eos:
            return
        ids.append(token)
        yield token


def _pick(logits_V: torch.Tensor, temperature: float, top_k: int | None, source: torch.Generator) -> int:
    if temperature == 0:
        return int(logits_V.argmax())
    if top_k is not None and top_k < logits_V.numel():
        limit = logits_V.topk(max(1, top_k)).values[-1]
        logits_V = logits_V.masked_fill(logits_V < limit, float("-inf"))
    return int(torch.multinomial((logits_V / temperature).softmax(dim=-1), 1, generator=source))
