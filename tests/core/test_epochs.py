"""Recorded epochs as plain values, with source code."""

import pytest

from lemur_core import RecordedEpoch, Results
from lemur_core.code import code_hash
from lemur_core.errors import SettingsError
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Size, Trial

from .test_store import PRM, pipeline
from .test_taking import FIRST, publish


@pytest.fixture
def filled(toys, db, tmp_path):
    linear = pipeline(toys)
    with open_engine(db, create=True) as engine:
        writer = Writer(engine, {})
        trial_id = writer.begin(Trial(linear, 1, PRM, 0, 2, uid="a" * 32))
        size = Size(12, (1, 3, 4, 4), (2,))
        writer.record(trial_id, Epoch(1, None, 0.25, 0.5, 10, size=size))
        writer.record(trial_id, Epoch(2, None, 0.5, 0.125, 20, size=size))
        publish(tmp_path / "published", 1, [FIRST])
        assert import_results(engine, tmp_path / "published").added == 1
        yield engine, linear.net_entry.code()


def test_epochs_have_their_values_and_code_best_first(filled):
    engine, code = filled
    last, first, published = Results(engine).epochs()
    assert last == RecordedEpoch(
        trial="a" * 32, task="img-classification", dataset="blobs", metric="hits", nn="Linear",
        code=code, code_hash=code_hash(code), fingerprint=None, prm=PRM, in_shape=(1, 3, 4, 4),
        out_shape=(2,), parameters=12, epoch=2, accuracy=0.125, validation=0.5, duration=20,
    )  # fmt: skip
    assert (first.epoch, first.validation) == (1, 0.25)
    # Published results have neither code nor validation scores.
    assert (published.code, published.code_hash, published.in_shape) == (None, None, None)
    assert (published.validation, published.accuracy, published.prm["batch"]) == (None, 0.75, 16)


def test_filters_apply_and_other_arguments_are_reported(filled):
    engine, _ = filled
    results = Results(engine, {"epoch": 2, "nn": "Linear"})
    assert [epoch.epoch for epoch in results.epochs()] == [2]
    results.check_used("mine")
    results = Results(engine, {"columns": ["nn"]})
    assert len(results.epochs()) == 3
    with pytest.raises(SettingsError, match="^mine does not take columns$"):
        results.check_used("mine")
