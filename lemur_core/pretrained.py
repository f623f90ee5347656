"""Read pretrained weights from local files; nothing is downloaded."""

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
    """Return the tensors in a file of weights, by name, on the CPU.

    The file is expected where torchvision stores its downloads: in the folder ``checkpoints`` of
    the `torch.hub` directory, which the environment variable TORCH_HOME can change.

    Args:
        url_or_file_name: File name such as ``"resnet50-0676ba61.pth"``, or an address that ends
            with it. The format is that of safetensors if the name ends in ``.safetensors``,
            otherwise that of torch.

    Raises:
        MissingDataError: The file does not exist.
        FetchError: The file does not contain weights.
    """
    name = PurePosixPath(urlsplit(url_or_file_name).path).name
    file = f"{torch.hub.get_dir()}/checkpoints/{name}"
    try:
        tensors = _read(file)
    except FileNotFoundError as error:
        raise MissingDataError(
            f"there are no pretrained weights {file}; put {name} there, or set pretrained=0"
        ) from error
    except _DAMAGED as error:
        raise FetchError(f"{file} cannot be read as weights; replace it") from error
    if not isinstance(tensors, dict) or not all(
        isinstance(value, Tensor) for value in tensors.values()
    ):
        raise FetchError(f"{file} holds something other than tensors by name; replace it")
    return dict(tensors)


def load_backbone(module: nn.Module, url_or_file_name: str, part: str = "") -> None:
    """Load the weights of a backbone from the file of a net that contains it, by name.

    Other tensors in the file, for example those of a classifier, are ignored. For images with one
    channel, the kernels of the first convolution are summed over their channels: a grey image then
    gives the same output as three equal channels.

    Args:
        module: The backbone. Its tensors have the names and, except for the first convolution, the
            shapes of those in the file.
        url_or_file_name: The file, as for `local_weights`.
        part: Name of the backbone as a submodule of the net in the file, for example
            ``"features"``; empty if the net itself is the backbone.

    Raises:
        MissingDataError: The file does not exist.
        FetchError: The file does not contain weights.
        ShapeError: A tensor is missing from the file or has another shape.
    """
    prefix = f"{part}." if part else ""
    given, fitted = local_weights(url_or_file_name), {}
    for name, own in module.state_dict().items():
        value = given.get(prefix + name)
        if value is not None and value.ndim == own.ndim == 4 and own.shape[1] == 1:
            # Kernels of a depthwise convolution already have one channel.
            value = value.sum(1, keepdim=True)
        if value is None or value.shape != own.shape:
            actual = "nothing" if value is None else tuple(value.shape)
            raise ShapeError(
                f"{url_or_file_name}: {prefix + name} is {actual}; expected {tuple(own.shape)}; "
                "are these the weights of another net?"
            )
        fitted[name] = value
    module.load_state_dict(fitted)


# Exceptions of torch and safetensors for truncated files and files of other formats.
_DAMAGED = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, SafetensorError)


def _read(file: str) -> object:
    if file.endswith(".safetensors"):
        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)
