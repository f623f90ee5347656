"""Raises in forward(), of a whole batch only."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("good", Path(__file__).with_name("Good.py"))
good = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(good)
supported_hyperparameters = good.supported_hyperparameters


class Net(good.Net):
    def forward(self, images):
        if len(images) > 2:
            raise RuntimeError("size mismatch")
        return super().forward(images)
