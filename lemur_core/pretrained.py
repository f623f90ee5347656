"""Weights that others have trained, of files that the user has; nothing is ever downloaded."""

from __future__ import annotations

import pickle
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lemur_core.errors import FetchError, MissingDataError, ShapeError


def local_weights(url_or_file_name: str) -> dict[str, Tensor]:
    """Return the tensors of a file of weights, by their names, on the CPU.

    It is looked for where torchvision keeps what it downloads: the folder ``checkpoints`` in that
    of `torch.hub`, which the variable TORCH_HOME moves.

    Args:
        url_or_file_name: ``"resnet50-0676ba61.pth"``, or the address that ends so; a file of
            torch, or of safetensors where its name ends in ``.safetensors``.

    Raises:
        MissingDataError: The user does not have the file.
        FetchError: It does not hold weights.
    """
    name = PurePosixPath(urlsplit(url_or_file_name).path).name
    file = f"{torch.hub.get_dir()}/checkpoints/{name}"
    try:
        found = _read(file)
    except FileNotFoundError as error:
        raise MissingDataError(
            f"there are no pretrained weights {file}; put {name} there, or set pretrained=0"
        ) from error
    except _DAMAGED as error:
        raise FetchError(f"{file} cannot be read as weights; replace it") from error
    if not isinstance(found, dict) or not all(isinstance(one, Tensor) for one in found.values()):
        raise FetchError(f"{file} holds something other than tensors by name; replace it")
    return dict(found)


def load_backbone(module: nn.Module, url_or_file_name: str, part: str = "") -> None:
    """Give a backbone the weights of a net that has it, by their names.

    What else the file holds, a classifier say, is left out. For images of one channel the kernels
    of the first convolution are summed over theirs: a grey image then gives what the same one in
    three equal channels gives.

    Args:
        module: The backbone; its tensors have the names and, but for the first convolution's, the
            shapes of the file's.
        url_or_file_name: As `local_weights` takes it.
        part: The submodule of the file's net that the backbone is, ``"features"`` say.

    Raises:
        MissingDataError: The user does not have the file.
        FetchError: It does not hold weights.
        ShapeError: A tensor is missing in it, or of another shape.
    """
    prefix = f"{part}." if part else ""
    given, fitted = local_weights(url_or_file_name), {}
    for name, own in module.state_dict().items():
        value = given.get(prefix + name)
        if value is not None and value.ndim == own.ndim == 4 and own.shape[1] == 1:
            # Those of a depthwise convolution have one channel already.
            value = value.sum(1, keepdim=True)
        if value is None or value.shape != own.shape:
            found = "nothing" if value is None else tuple(value.shape)
            raise ShapeError(
                f"{url_or_file_name}: {prefix + name} is {found}; expected {tuple(own.shape)}; "
                "are these the weights of another net?"
            )
        fitted[name] = value
    module.load_state_dict(fitted)


# What torch raises for files that are cut off or are no such files; safetensors has its own.
_DAMAGED = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, SafetensorError)


def _read(file: str) -> object:
    if file.endswith(".safetensors"):
        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)
