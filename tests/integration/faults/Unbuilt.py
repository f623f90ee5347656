"""Raises in its constructor."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("good", Path(__file__).with_name("Good.py"))
good = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(good)
supported_hyperparameters = good.supported_hyperparameters


class Net(good.Net):
    def __init__(self, *arguments):
        raise ValueError("no such layer")
