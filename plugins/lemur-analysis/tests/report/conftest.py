import sys

import matplotlib
import pandas as pd
import pytest
from sqlalchemy import create_engine

from lemur_core import Entry, Results

matplotlib.use("agg")


class FrameResults(Results):
    """Results from a frame instead of a database."""

    def __init__(self, frame, **given):
        self.warnings, self.steps = [], []
        super().__init__(
            create_engine("sqlite:///results.db"),
            warn=self.warnings.append,
            progress=lambda *step: self.steps.append(step),
            **given,
        )
        self._frame = frame

    def frame(self, **arguments):
        return self._frame


@pytest.fixture
def results():
    return FrameResults


@pytest.fixture
def records():
    """Return a function that creates results from scores by net; epochs end after 1 s, 2 s, ..."""

    def make(scores, dataset="digits", **more):
        rows = [
            {
                "task": "img-classification", "dataset": dataset, "metric": "acc", "nn": net,
                "epoch": epoch, "duration": epoch * 10**9, "accuracy": score, "trial": net,
                "prm": {"lr": 0.1, "epoch": 5},
            }
            for net, of_net in scores.items()
            for epoch, score in enumerate(of_net, 1)
        ]  # fmt: skip
        return pd.DataFrame(rows).assign(**more)

    return make


@pytest.fixture
def figures(monkeypatch):
    """Return a function that replaces the installed figures with functions, by name."""

    def install(**drawers):
        from lemur_core import registry

        module = sys.modules[__name__]
        for name, draw in drawers.items():
            monkeypatch.setattr(module, name, draw, raising=False)
        entries = {
            name: Entry(name, f"{__name__}:{name}", summary=f"The {name}") for name in drawers
        }
        monkeypatch.setattr(
            registry.Registry, "names", lambda self, kind: entries if kind == "figure" else {}
        )
        monkeypatch.setattr(Entry, "load", lambda self: drawers[self.name])

    return install
