"""What the rules of nets ask of nets of other frameworks than torch."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from lemur_core.testing.comparing import same
from lemur_core.train import checkpoint
from lemur_core.train.draws import seed_generators
from lemur_core.train.net_adapter import adapter_of
from lemur_core.trial import Epoch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.entry import Entry

_CPU, _EPOCH = torch.device("cpu"), Epoch(1, None, 0.5, 0.5, 1)


def skip_unless_torch(net: Entry, built: Any) -> None:
    """Skip the test of a rule that only nets of torch can follow."""
    if not isinstance(built, nn.Module):
        pytest.skip(f"net {net.name!r} is not a torch.nn.Module")


def checked(net: Entry, built: Any) -> Any:
    """Return a net, after checking that it has the methods that lemur asks of it."""
    adapter_of(built, net.name)
    return built


def parameters_of(built: Any) -> dict[str, Tensor]:
    """Return copies of the parameters of a net by name."""
    if isinstance(built, nn.Module):
        return {name: value.detach().clone() for name, value in built.named_parameters()}
    return _copied(built.parameter_arrays())


def weights_of(built: Any) -> Mapping[str, Tensor]:
    """Return the parameters and buffers of a net by name."""
    if isinstance(built, nn.Module):
        return built.state_dict()
    return _copied({**built.parameter_arrays(), **built.buffer_arrays()})


def _copied(arrays: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def check_goes_on(net: Entry, learned: Any, other: Any, epoch: list[tuple[Tensor, Any]]) -> None:
    """Check that a net that has just been set up goes on as one that has learned.

    Args:
        net: The entry of the net.
        learned: The net that has learned.
        other: Another instance of it.
        epoch: The batches of one epoch.

    Raises:
        AssertionError: Its outputs differ, or what it learns next.
    """
    with TemporaryDirectory() as folder:
        checkpoint.save(Path(folder), learned, [_EPOCH])
        checkpoint.restore(Path(folder), other, _CPU)
    outputs = []
    for built in (learned, other):
        built.eval()
        outputs.append(built(epoch[0][0]))
    assert same(*outputs), (
        f"net {net.name!r}: gives other outputs after load_arrays(); keep everything that it "
        "learns in parameter_arrays() or buffer_arrays()"
    )
    for built in (learned, other):
        seed_generators(0)
        built.train()
        built.learn(epoch)
    after = weights_of(other)
    for name, value in weights_of(learned).items():
        assert torch.equal(value, after[name]), (
            f"net {net.name!r}: {name} differs after another epoch if it was restored before; keep "
            "everything that learn() uses in training_state()"
        )
