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
        device: A torch device; ``auto`` is a GPU if there is one, else the CPU.
        gpus: Numbers of the GPUs that workers use in turn, instead of ``device``.
        workers: Number of workers.

    Raises:
        SettingsError: A device does not exist or cannot be used.
    """
    names = [f"cuda:{number}" for number in gpus] or [_resolved(device)]
    for name in names:
        check_device(name)
    return [names[worker % len(names)] for worker in range(workers)]


def _resolved(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_device(name: str) -> None:
    """Raise `SettingsError` if a device does not exist or cannot be used."""
    try:
        device = torch.device(name)
        # Only trial processes use the GPU; testing it here would occupy some of its memory.
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise RuntimeError(f"there are {torch.cuda.device_count()} GPUs")
        torch.empty(0, device="cpu" if device.type == "cuda" else device)
    # The exception depends on torch's backend.
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"device {name!r} cannot be used: {reason}") from None
