"""A check of the validation loss that a net gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lemur_core.train.validation_loss import ValidationLoss

if TYPE_CHECKING:
    from torch import Tensor


def check_validation_loss(name: str, net: Any, inputs: Tensor, targets: Any) -> None:
    """Check that a net in evaluation mode can give its loss, without drawing random numbers.

    Raises:
        AssertionError: It draws random numbers.
        Exception: The net's ``validation_loss`` raised an exception, or returned no loss.
    """
    with torch.inference_mode():
        outputs = net(inputs)
        before = torch.get_rng_state()
        ValidationLoss(net).record(outputs, targets)
    assert torch.equal(before, torch.get_rng_state()), (
        f"net {name!r}: validation_loss() draws random numbers"
    )
