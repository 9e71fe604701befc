"""One encoder, many tasks: the trained part alone is written to a file of a few kilobytes, and read into its place."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib.core.errors import ContractError, DataError
from course_lib.language.peft.delta import is_merged


def save_adapters(path: str | os.PathLike[str], model: nn.Module) -> int:
    """Write the trained weights of ``model`` (those that require a gradient) as safetensors; returns the file's bytes.

    Raises:
        ContractError: nothing is trained, or the model is merged.
    """
    weights = {n: p.detach().cpu().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    _check(model, weights)
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    try:
        save_file(weights, temporary)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"can't write the weights ({error})", where=str(path)) from error
    return path.stat().st_size


@torch.no_grad()
def load_adapters(path: str | os.PathLike[str], model: nn.Module) -> None:
    """Put the weights of a file into the trained weights of ``model``: all of them, or none.

    Raises:
        ContractError: nothing is trained in the model, or it is merged.
        DataError: the file can't be read, or holds other names or shapes than the model.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    _check(model, trained)
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"can't read the weights ({error})", where=str(path)) from error
    wrong = sorted(set(trained) ^ set(weights))
    wrong += [name for name in trained if name in weights and weights[name].shape != trained[name].shape]
    if wrong:
        remedy = "Inject the same method with the same rank and targets first"
        raise DataError(f"{len(wrong)} weights don't fit the model, such as {wrong[0]}", where=str(path), remedy=remedy)
    for name, parameter in trained.items():
        parameter.copy_(weights[name])


def _check(model: nn.Module, trained: dict[str, object]) -> None:
    if not trained:
        raise ContractError("nothing in this model is trained", remedy="Inject adapters first")
    if is_merged(model):
        raise ContractError("the model is merged", remedy="Call unmerge first")
