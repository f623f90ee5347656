"""Raises an error that cannot be pickled and whose text has no end."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("good", Path(__file__).with_name("Good.py"))
good = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(good)
supported_hyperparameters = good.supported_hyperparameters


class EndlessError(Exception):
    def __init__(self):
        super().__init__(lambda: None)

    def __str__(self):
        return "word " * 10**7


class Net(good.SecondEpoch):
    def go_wrong(self):
        raise EndlessError
