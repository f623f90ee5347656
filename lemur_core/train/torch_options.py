"""The options that only exist for nets that are a `torch.nn.Module`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from lemur_core.frozen_layers import NAME as FREEZE

if TYPE_CHECKING:
    from collections.abc import Mapping

# Each hyperparameter with the value that changes nothing, and the option that sets it.
_OPTIONS = {
    "precision": ("fp32", "--precision"),
    "compile": (False, "--compile"),
    "channels_last": (False, "--channels-last"),
    FREEZE: ("", "--freeze"),
}


def is_foreign(net: object) -> bool:
    """Return whether the ``Net`` of a module is a class of another framework than torch."""
    return isinstance(net, type) and not issubclass(net, nn.Module)


def torch_option(prm: Mapping[str, Any]) -> str:
    """Return the first option in hyperparameters that only exists for torch nets; empty if none.

    >>> torch_option({"lr": 0.1, "precision": "bf16"}), torch_option({"compile": False})
    ('--precision bf16', '')
    """
    for name, (default, option) in _OPTIONS.items():
        value = prm.get(name, default)
        if value != default:
            return option if value is True else f"{option} {value}"
    return ""


def refusal(net: str, option: str, advice: str = "leave it out") -> str:
    """Return the line that says that an option cannot be used with a net, and what to do."""
    return f"net {net!r} is not a torch.nn.Module, so {option} cannot be used with it; {advice}"
