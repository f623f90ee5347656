"""The devices on which trials are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence


def devices_of(device: str, gpus: Sequence[int], workers: int) -> list[str]:
    """Return the device of each worker; several may share one.

    Args:
        device: A torch device; ``auto`` is a GPU where there is one.
        gpus: Numbers of the GPUs to use in turn, instead of ``device``.
        workers: How many there are.

    Raises:
        SettingsError: A device is not there, or cannot be used.
    """
    places = [f"cuda:{number}" for number in gpus] or [_named(device)]
    for place in places:
        check_device(place)
    return [places[worker % len(places)] for worker in range(workers)]


def _named(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_device(name: str) -> None:
    """Raise `SettingsError` where a device is not there, or cannot be used."""
    try:
        device = torch.device(name)
        # The trials' processes use it; trying a GPU here would take memory of it.
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise RuntimeError(f"there are {torch.cuda.device_count()} GPUs")
        torch.empty(0, device="cpu" if device.type == "cuda" else device)
    # torch says that a device is not there by whatever its backend happens to raise.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"device {name!r} cannot be used: {reason}") from None
