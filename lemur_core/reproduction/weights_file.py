"""Build a trained net from its weights' file alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lemur_core import registry
from lemur_core.errors import LemurError, UnknownNameError, WeightsError
from lemur_core.kinds.net import Trainable, as_net
from lemur_core.kinds.transform import as_transform
from lemur_core.sources.load import load_file
from lemur_core.train import saved_weights
from lemur_core.train.generators import preserve_generators
from lemur_core.train.net_adapter import adapter_of
from lemur_core.train.net_description import Code, NetDescription, description_in
from lemur_core.train.training import seed_everything

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

    from lemur_core.train.saved_weights import WeightsInfo

_IMAGE_BATCH = 4


class Built(NamedTuple):
    """A net in evaluation mode with its weights, its transform, and the epoch of the weights."""

    net: Any
    transform: nn.Module
    info: WeightsInfo


def read_description(file: Path) -> NetDescription | None:
    """Return the description of the net in a weights' file.

    Returns:
        None if the file holds none, or not all the code.

    Raises:
        WeightsError: The file cannot be read, or is damaged.
    """
    description = description_in(saved_weights.metadata_of(file), file)
    return description if description and description.is_complete else None


def build(description: NetDescription, file: Path, device: str) -> Built:
    """Build the net that a file describes, from the code in it, and load its weights.

    Args:
        description: The description in the file.
        file: The file.
        device: A torch device.

    Raises:
        WeightsError: The code cannot be run, or the weights are not the net's.
    """
    # Drawing initial weights must not change the numbers that the caller draws afterwards.
    with preserve_generators():
        with _reported(file, f"net {description.net.name!r} cannot be built from its code"):
            net = _net(description, file, device)
        with _reported(file, f"the weights are not those of net {description.net.name!r}"):
            adapter_of(net, description.net.name).load_weights(file, device)
    name = description.transform.name
    with _reported(file, f"transform {name!r} cannot be built from its code"):
        target = _load(description.transform, file, "transform")
        transform = as_transform(target, description.normalisation, name)
    net.eval()
    return Built(net, transform.eval(), saved_weights.epoch_of(file))


def _net(description: NetDescription, file: Path, device: str) -> Any:
    """Return a net that is built as for training."""
    code, prm = description.net, dict(description.prm)
    module = as_net(_load(code, file, "net"), code.name)
    # A net may draw what is not saved with its weights, for example random connections.
    seed_everything(description.seed)
    place = torch.device(device)
    net: Any = module.net(description.in_shape, description.out_shape, dict(prm), place)
    adapter = adapter_of(net, code.name)
    adapter.check_options(prm, place)
    adapter.place(place)
    net.eval()
    if len(description.in_shape) == _IMAGE_BATCH:
        dtype = getattr(torch, description.dtype)
        # Lazy modules create their parameters in a first run.
        with torch.no_grad():
            net(torch.zeros(2, *description.in_shape[1:], dtype=dtype, device=place))
    # That of lemur only builds what trains a net, and importing torch's optimizers takes longer
    # than importing torch. That of another net may do anything.
    if getattr(type(net), "train_setup", None) is not Trainable.train_setup:
        net.train_setup(prm)
    adapter.configure(prm)
    return net


def _load(code: Code, file: Path, kind: str) -> Any:
    """Run recorded code and return its object."""
    if code.package is not None:
        return _installed(code).load()
    # No such file exists; tracebacks show the name.
    module = load_file(file / f"{kind}.py", code.text)
    return getattr(module, code.attribute) if code.attribute else module


def _installed(code: Code) -> Any:
    """Return the installed entry of a net that is an adapter for the nets of another package."""
    try:
        entry = registry.installed().get("net", code.name).with_snapshot(is_net=True)
    except UnknownNameError:
        raise WeightsError(
            f"it needs the plugin that registers net {code.name!r}, and {code.package}"
        ) from None
    if entry.code() != code.text:
        raise WeightsError(f"the installed code of {code.package} is not that of the file")
    return entry


@contextmanager
def _reported(file: Path, what: str) -> Iterator[None]:
    """Convert any exception to a `WeightsError` of one line."""
    try:
        yield
    # The code in the file, and a net's own load_state_dict, may raise anything.
    except Exception as error:
        text = str(error) if isinstance(error, LemurError) else f"{type(error).__name__}: {error}"
        # The first line of torch's message only names the class.
        reason = " ".join(text.split("\n")[:2]).strip()
        raise WeightsError(f"{file}: {what}: {' '.join(reason.split())}") from error
