"""PEng4NN on the learning curves published by its authors."""

from pathlib import Path

import numpy as np
import pytest

from lemur_core.kinds.estimator import TrialHistory
from lemur_estimators.peng4nn import PEng4NN

CURVES = Path(__file__).parents[4] / "shared" / "data" / "peng4nn"
pytestmark = pytest.mark.skipif(not CURVES.is_dir(), reason=f"{CURVES} does not exist")


def convergence(name, centre):
    """Return the epoch at which a curve converges, and the prediction, in percent."""
    [file] = CURVES.glob(f"*_{name}.csv")
    estimator = PEng4NN(TrialHistory(20, chance=0.01), centre=centre)
    for epoch, percent, _, loss in np.loadtxt(file, delimiter=",", skiprows=1):
        estimate = estimator.update(epoch, percent / 100, loss)
        if estimate.converged:
            return epoch, 100 * estimate.score
    raise AssertionError(f"{file} does not converge")


# The published program uses the median; for these two curves the mean gives the same result.
@pytest.mark.parametrize("centre", ["median", "mean"])
def test_the_net_that_learns_converges_as_its_authors_report(centre):
    epoch, percent = convergence("539263", centre)
    assert epoch == 4.0
    assert percent == pytest.approx(25.7121, abs=1e-3)


@pytest.mark.parametrize("centre", ["median", "mean"])
def test_the_net_that_never_learns_converges_as_its_authors_report(centre):
    epoch, percent = convergence("917381", centre)
    assert epoch == 5.5
    assert percent == pytest.approx(2.011, abs=1e-3)
