"""The numbers of variational dropout: what all engines of sparse twins have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

LOG_ALPHA_LIMIT = 10.0
"""Log alpha is held between this and its negative."""
KL_FIT = 0.63576, 1.87320, 1.48695
"""k1, k2 and k3 of the approximated divergence (Molchanov et al. 2017, equation 14)."""
TINY = 1e-15
"""What is added to the magnitude of a weight, so that its logarithm is finite."""
LEAST_VARIANCE = 1e-8
"""What is added to the variance of an output, so that the gradient of its root is finite."""


class TwinSettings(NamedTuple):
    """What the sparse twins of a group have beyond the settings of their members.

    Attributes:
        kl_weight: What the divergence of a twin's weights is multiplied by in the loss, to which
            the mean cross-entropy is added, shape (members,).
        variance_lr: Learning rate of the logarithms of the variances, shape (members,).
        warm_up: Number of epochs in which the weight of the divergence rises from 0.
    """

    kl_weight: NDArray[float32]
    variance_lr: NDArray[float32]
    warm_up: int = 0

    def kl_weight_in(self, epoch: int) -> NDArray[float32]:
        """Return the weights of the divergence in an epoch, from 1, shape (members,).

        Examples:
            >>> ones = np.ones(1, np.float32)
            >>> [TwinSettings(ones, ones, 4).kl_weight_in(epoch).item() for epoch in (1, 2, 5, 6)]
            [0.0, 0.25, 1.0, 1.0]
        """
        share = min(1.0, (epoch - 1) / self.warm_up) if self.warm_up else 1.0
        return (self.kl_weight * np.float64(share)).astype(np.float32)
