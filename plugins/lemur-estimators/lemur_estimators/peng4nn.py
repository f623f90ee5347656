"""PEng4NN: fit a curve to the first scores, stop when what it comes to has settled.

Rorabaugh, Caino-Lores, Wyatt, Johnston, Taufer: PEng4NN, An Accurate Performance Estimation Engine
for Efficient Automated Neural Network Architecture Search (arXiv 2101.04185); its defaults are
those here, and so is the percent that it thinks in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_core.errors import SettingsError
from lemur_core.kinds.estimator import Estimate, TrialHistory, check_score, within
from lemur_estimators.fit import LEAST_POINTS, fit

if TYPE_CHECKING:
    from collections.abc import Callable

_CENTRES: dict[str, Callable[[Any], Any]] = {"mean": np.mean, "median": np.median}
# The mean of equal numbers may differ from them in the last digit. In points of a percent.
_ROUNDING = 1e-9


class PEng4NN:
    """Predicts a = lim a - b^(c-x), x being the epoch over the first one.

    It converges when, at some epoch before the last,

    1. there are ``window`` predictions,
    2. the last ``window`` all lie within ``threshold`` of their mean, and
    3. the last is above 0 and at most 100 percent,

    and, with ``loss_check``, a net that is predicted never to learn has not lowered its loss for
    ``patience`` epochs. One never learns that is predicted to be no better than guessing.

    Where the paper and its published program leave a choice, or are left:

    * The paper has each prediction p_i within mean - t <= p_i <= mean + t; the published program
      takes the median in place of the mean. ``centre="median"`` converges where it does.
    * Fits are exact (`lemur_estimators.fit`), so that none fails. A curve that SciPy cannot fit is
      nearly a line; its exact fit has its ``a`` at the bound of 102.5, which condition 3 refuses.
    * The first fit is of ``least`` points, C_min; the program fits two, which three parameters
      follow in any number of ways.
    * The window is of consecutive predictions. Of them only the last is held against condition 3:
      beyond 100 others may lie by the threshold.
    * The published program, with the loss check on, never says of nets that learn that they have
      converged; here they do. It looks at the validation loss; lemur hands over what it has, the
      training loss. Where none is known, the score must not have risen in its place.
    * At the last epoch the highest score is taken, whether or not the prediction has settled.
    * A decreasing curve is best fitted by its mean, and a constant one by itself.

    Args:
        known: What is known of the study.
        interval: E, how often scores are measured, in epochs.
        window: N, how many predictions must agree.
        threshold: t, how far they may lie from their centre, in points of a percent.
        centre: What they must lie near: their ``mean``, as in the paper, or ``median``, as in the
            published program.
        least: C_min, of how many points the first fit is made.
        epochs: e_max, the epochs of the training that is predicted; 0 takes those asked for.
        loss_check: For unbalanced data: whether nets that never learn are waited for.
        patience: L, how long, in epochs.
    """

    def __init__(
        self,
        known: TrialHistory,
        *,
        interval: float = 0.5,
        window: int = 3,
        threshold: float = 0.5,
        centre: str = "mean",
        least: int = LEAST_POINTS,
        epochs: int = 0,
        loss_check: bool = False,
        patience: float = 5.0,
    ) -> None:
        within("interval", interval, 0.01, 1)
        within("window", window, 1)
        within("threshold", threshold, 0, 100)
        within("least", least, LEAST_POINTS)
        within("epochs", epochs, 0)
        within("patience", patience, 0)
        if centre not in _CENTRES:
            raise SettingsError(
                f"estimator option centre is {centre!r}; expected {' or '.join(_CENTRES)}"
            )
        self.interval = interval
        self.last = epochs or known.epochs
        self.chance = known.chance
        self.window, self.threshold, self.least = window, threshold, least
        self.centre = _CENTRES[centre]
        self.loss_check, self.patience = loss_check, patience
        self.epochs: list[float] = []
        self.percents: list[float] = []
        self.losses: list[tuple[float, float]] = []
        self.predictions: list[float] = []

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Take what was measured and say what is believed, as `lemur_core.kinds.estimator` says."""
        check_score(score)
        self.epochs.append(epoch)
        self.percents.append(100 * score)
        if loss is not None:
            self.losses.append((loss, epoch))
        if epoch >= self.last:
            return Estimate(True, max(self.percents) / 100, reason=f"{self.last} epochs are over")
        if len(self.epochs) < self.least:
            return Estimate(converged=False, score=None)
        return self._predicted()

    def _predicted(self) -> Estimate:
        x = np.array(self.epochs) / self.epochs[0]
        fitted = fit(x, np.array([self.percents]))
        a, b, c = (float(one[0]) for one in fitted[:3])
        self.predictions.append(a)
        converged = self._settled() and self._realistic() and self._waited_for()
        return Estimate(
            converged,
            min(a, 100) / 100,
            parameters={"a": a, "b": b, "c": c},
            reason="the predictions have settled" if converged else "",
        )

    def _settled(self) -> bool:
        last = np.array(self.predictions[-self.window :])
        far = np.abs(last - self.centre(last)).max()
        return len(last) == self.window and bool(far <= self.threshold + _ROUNDING)

    def _realistic(self) -> bool:
        return 0 < self.predictions[-1] <= 100

    def _waited_for(self) -> bool:
        learns = self.predictions[-1] > 100 * self.chance
        if not self.loss_check or learns:
            return True
        # Of equals the first, so that what stays the same is waited for no longer.
        rising = zip(self.percents, self.epochs, strict=True)
        best = min(self.losses or [(-percent, epoch) for percent, epoch in rising])
        return self.epochs[-1] - best[1] >= self.patience
