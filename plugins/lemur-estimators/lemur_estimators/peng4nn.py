"""PEng4NN: fit a curve to the first scores, and stop when the predicted limit has converged.

Rorabaugh, Caino-Lores, Wyatt, Johnston, Taufer: PEng4NN, An Accurate Performance Estimation Engine
for Efficient Automated Neural Network Architecture Search (arXiv 2101.04185). The defaults are
those of the paper. Like the paper, this module computes in percent.
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
# The mean of equal numbers may differ from them in the last digit. In percentage points.
_ROUNDING = 1e-9


class PEng4NN:
    """Predicts the final score as a, the limit of a - b^(c-x), where x is the epoch / first epoch.

    It converges if, at an epoch before the last,

    1. there are ``window`` predictions,
    2. the last ``window`` predictions all lie within ``threshold`` of their mean, and
    3. the last prediction is above 0 and at most 100 percent.

    With ``loss_check``, a net that is predicted never to learn, that is, to be no better than
    guessing, must also not have lowered its loss for ``patience`` epochs.

    This implementation makes the following choices, some of which differ from the paper or from
    the authors' published program:

    * In the paper, each prediction p_i satisfies mean - t <= p_i <= mean + t. The published program
      uses the median instead of the mean; ``centre="median"`` converges when it does.
    * Fits are exact (`lemur_estimators.fit`) and never fail. A curve that SciPy cannot fit is
      nearly linear; in its exact fit, ``a`` is at the bound of 102.5, which condition 3 rejects.
    * The first fit uses ``least`` points, C_min. The program fits two points, which does not
      determine three parameters.
    * The window consists of consecutive predictions. Condition 3 only applies to the last of them;
      the others may exceed 100 by the threshold.
    * With the loss check, the published program never converges for nets that learn; this
      implementation does. The program uses the validation loss; lemur provides the training loss.
      If no loss is known, the score must not have risen instead.
    * At the last epoch, the highest score is used, whether or not the predictions have converged.
    * The best fit of a decreasing curve is its mean, and that of a constant curve is the constant.

    Args:
        history: What is known when the trial starts.
        interval: E, the number of epochs between two scores.
        window: N, the number of predictions that must agree.
        threshold: t, the greatest distance of a prediction from the centre, in percentage points.
        centre: The centre of the predictions: their ``mean``, as in the paper, or their ``median``,
            as in the published program.
        least: C_min, the number of points of the first fit.
        epochs: e_max, the number of epochs of the predicted training; 0 for that of the trial.
        loss_check: Whether to wait for nets that never learn; for unbalanced data.
        patience: L, how long to wait for them, in epochs.
    """

    def __init__(
        self,
        history: TrialHistory,
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
        self.last = epochs or history.epochs
        self.chance = history.chance
        self.window, self.threshold, self.least = window, threshold, least
        self.centre = _CENTRES[centre]
        self.loss_check, self.patience = loss_check, patience
        self.epochs: list[float] = []
        self.percents: list[float] = []
        self.losses: list[tuple[float, float]] = []
        self.predictions: list[float] = []

    def update(self, epoch: float, score: float, loss: float | None) -> Estimate:
        """Add a measurement and return the prediction; see `lemur_core.kinds.estimator`."""
        check_score(score)
        self.epochs.append(epoch)
        self.percents.append(100 * score)
        if loss is not None:
            self.losses.append((loss, epoch))
        if epoch >= self.last:
            return Estimate(True, max(self.percents) / 100, reason=f"{self.last} epochs are over")
        if len(self.epochs) < self.least:
            return Estimate(converged=False, score=None)
        return self._predict()

    def _predict(self) -> Estimate:
        x = np.array(self.epochs) / self.epochs[0]
        fitted = fit(x, np.array([self.percents]))
        a, b, c = (float(values[0]) for values in fitted[:3])
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
        # Of equal losses or scores, min() returns the first; a constant does not extend the wait.
        scores = zip(self.percents, self.epochs, strict=True)
        best = min(self.losses or [(-percent, epoch) for percent, epoch in scores])
        return self.epochs[-1] - best[1] >= self.patience
