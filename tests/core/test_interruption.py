"""Ctrl-C is distinguished from a `KeyboardInterrupt` that a net raises."""

import os
import signal

import pytest

from lemur_core.train.interruption import Interruption, stopped_at_once
from lemur_core.train.stop import StopNow


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_second_stops_at_once():
    lines = []
    with Interruption(lines.append) as interruption:
        press()
        assert interruption.is_requested
        with pytest.raises(StopNow):
            press()
    assert lines == ["finishing the epoch, then stopping; Ctrl-C again stops now"]


def test_the_first_stops_at_once_if_there_is_no_epoch_to_finish():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(StopNow), stopped_at_once():
        press()
    assert signal.getsignal(signal.SIGINT) is before
