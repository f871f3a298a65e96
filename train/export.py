"""A finished model as a folder that other programs load: Hugging Face's Llama layout.

`model.safetensors` (float32, Llama's tensor names), `config.json` (LlamaForCausalLM) and `generation_config.json`. The
same weights give the same bytes. Loading checks every shape and runs no code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from train.config import Shape
from train.errors import TrainError
from train.model import Decoder

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def write_model(model: Decoder, folder: Path, *, eos: int) -> None:
    """Write the three files into `folder`, which the caller publishes."""
    tensors = {
        name: tensor.detach().float().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    for name, value in ((CONFIG, _config(model, eos)), ("generation_config.json", _generation(eos))):
        (folder / name).write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")


def _config(model: Decoder, eos: int) -> dict[str, Any]:
    sizes = model.sizes
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": sizes.vocab_size,
        "hidden_size": sizes.width,
        "intermediate_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.key_value_heads,
        "head_dim": sizes.head_width,
        "max_position_embeddings": sizes.sequence,
        "rms_norm_eps": model.epsilon,
        "rope_theta": model.rope_theta,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": sizes.tied,
        "bos_token_id": eos,
        "eos_token_id": eos,
        "torch_dtype": "float32",
    }


def _generation(eos: int) -> dict[str, Any]:
    return {"bos_token_id": eos, "eos_token_id": eos, "do_sample": False}


class _Config(msgspec.Struct, frozen=True):
    """The part of `config.json` that decides the model; other keys are allowed."""

    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool
    eos_token_id: int


def load_model(folder: Path, dtype: torch.dtype = torch.float32) -> tuple[Decoder, int]:
    """The model of a folder, on the CPU, and its end-of-document token. Raises TrainError naming what does not fit."""
    try:
        config = msgspec.json.decode((folder / CONFIG).read_bytes(), type=_Config)
        tensors = load_file(folder / WEIGHTS)
    except (OSError, msgspec.MsgspecError, SafetensorError) as error:
        raise TrainError(f"{folder}: not a usable model folder ({error})") from error
    if config.model_type != "llama" or config.hidden_size % max(1, config.num_attention_heads):
        raise TrainError(f"{folder}: {CONFIG} describes no Llama decoder")
    sizes = Shape(
        vocab_size=config.vocab_size,
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        key_value_heads=config.num_key_value_heads,
        head_width=config.hidden_size // config.num_attention_heads,
        hidden=config.intermediate_size,
        sequence=config.max_position_embeddings,
        tied=config.tie_word_embeddings,
    )
    model = Decoder(sizes, rope_theta=config.rope_theta, epsilon=config.rms_norm_eps, dtype=dtype)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if expected != found:
        name = min(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
        raise TrainError(f"{folder}: {name} has shape {found.get(name)}, {CONFIG} says {expected.get(name)}")
    model.load_state_dict(tensors)
    return model.eval(), config.eos_token_id
