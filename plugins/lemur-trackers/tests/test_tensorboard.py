"""What TensorBoard's own reader finds in the log folders."""

from dataclasses import replace
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from lemur_core.errors import WriteError
from lemur_core.trial import Prediction
from lemur_trackers.tensorboard import TensorBoard

from .trials import (
    PARTS,
    epoch,
    epochs,
    follow,
    follow_side_by_side,
    pipeline,
    start,
    trial,
)

CNN = Path("runs/img-classification_digits_acc_CNN")


def folders():
    return sorted(file.parent for file in Path().rglob("*tfevents*"))


def read(folder):
    return EventAccumulator(str(folder)).Reload()


def scalars(folder):
    events = read(folder)
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def text(folder, tag):
    [event] = read(folder).Tensors(tag)
    lines = event.tensor_proto.string_val[0].decode().splitlines()
    return dict(line.strip().split(": ", 1) for line in lines)


def hparams(folder, tag):
    data = read(folder).SummaryMetadata(f"_hparams_/{tag}").plugin_data.content
    return HParamsPluginData.FromString(data)


def test_a_trial_is_a_log_folder_with_its_numbers():
    follow(start(TensorBoard()), trial())
    [folder] = folders()
    assert folder == CNN / "1-00000000"
    # Scores are multiples of 1/16, which 32-bit numbers represent exactly.
    assert scalars(folder) == {
        "validation": [(1, 0.25), (2, 0.5), (3, 0.375)],
        "test": [(1, 0.125), (2, 0.25), (3, 0.1875)],
        "loss": [(1, 2.0), (2, 1.0), (3, pytest.approx(2 / 3))],
        "seconds": [(1, 1.5), (2, 3.0), (3, 4.5)],
        "best/validation": [(2, 0.5)],
        "best/test": [(2, 0.25)],
        "best/epoch": [(2, 2.0)],
    }
    assert text(folder, "trial") == {
        "trial": f"{1:032x}", "number": "1", "pipeline": "_".join(PARTS),
        "task": "img-classification", "dataset": "digits", "metric": "acc", "net": "CNN",
        "seed": "7", "epochs": "3", "db": "a.db", "user": "me",
    }  # fmt: skip
    assert text(folder, "outcome") == {"state": "finished"}


def test_hyperparameters_have_their_types_and_the_session_its_status():
    follow(start(TensorBoard()), trial(depth=None), state="failed", reason="ValueError: no")
    [folder] = folders()
    session = hparams(folder, "session_start_info").session_start_info
    assert session.hparams["lr"].number_value == 0.1
    assert session.hparams["nesterov"].bool_value is True
    assert session.hparams["transform"].string_value == "norm_32"
    assert session.hparams["depth"].string_value == "None"
    assert session.hparams["net"].string_value == "CNN"
    end = hparams(folder, "session_end_info").session_end_info
    assert end.status == api_pb2.STATUS_FAILURE
    assert text(folder, "outcome") == {"state": "failed", "reason": "ValueError: no"}


@pytest.mark.parametrize("state", ["finished", "pruned", "converged"])
def test_a_trial_that_ended_early_is_a_success(state):
    prediction = Prediction(0.75, 2, "soon")
    follow(start(TensorBoard()), trial(), count=2, state=state, prediction=prediction)
    [folder] = folders()
    assert hparams(folder, "session_end_info").session_end_info.status == api_pb2.STATUS_SUCCESS
    assert text(folder, "outcome") == {"state": state}
    assert scalars(folder)["predicted"] == [(2, 0.75)]


def test_every_metric_and_numeric_fact_is_a_scalar():
    tracker = start(TensorBoard())
    tracker.trial_started(trial=trial())
    facts = {"lr": 0.125, "words": "no", "is": True, "bad": float("nan"), "count": 3}
    fields = {"loss": None, "validation_loss": 0.5, "scores": {"acc5": (0.5, 0.75)}}
    tracker.epoch_ended(trial=trial(), epoch=epoch(1, facts=facts, **fields))
    tracker.campaign_ended(summary=None)
    assert scalars(CNN / "1-00000000") == {
        "validation": [(1, 0.25)], "test": [(1, 0.125)], "seconds": [(1, 1.5)],
        "validation_loss": [(1, 0.5)],
        "validation/acc5": [(1, 0.5)], "test/acc5": [(1, 0.75)],
        "facts/lr": [(1, 0.125)], "facts/count": [(1, 3.0)],
    }  # fmt: skip


def test_a_trial_that_resumes_continues_its_folder():
    follow(start(TensorBoard()), trial(), count=1, state="interrupted")
    # The campaign was killed after it recorded the second epoch, before it passed it on.
    follow(start(TensorBoard()), trial(done=epochs(2)))
    assert set(folders()) == {CNN / "1-00000000"}
    [folder] = set(folders())
    assert [step for step, _ in scalars(folder)["validation"]] == [1, 2, 3]
    assert text(folder, "outcome") == {"state": "finished"}
    assert text(folder, "trial")["number"] == "1"


def test_a_damaged_file_of_a_killed_campaign_loses_no_epoch():
    tracker = start(TensorBoard())
    tracker.trial_started(trial=trial())
    for number in (1, 2):
        tracker.epoch_ended(trial=trial(), epoch=epoch(number))
    tracker.campaign_ended(summary=None)
    [file] = Path().rglob("*tfevents*")
    file.write_bytes(file.read_bytes()[:-5])
    follow(start(TensorBoard()), trial(done=epochs(2)))
    assert [step for step, _ in scalars(file.parent)["validation"]] == [1, 2, 3]


def test_trials_side_by_side_do_not_mix():
    follow_side_by_side(start(TensorBoard()))
    assert scalars(CNN / "1-00000000")["validation"] == [(1, 0.25), (2, 0.5)]
    assert scalars(CNN / "2-00000000")["validation"] == [(1, 1.0)]


def test_a_trial_of_another_database_has_another_folder():
    tracker = start(TensorBoard(folder="a/b"))
    follow(tracker, trial())
    follow(tracker, replace(trial(), uid="f" * 32))
    assert [folder.name for folder in folders()] == ["1-00000000", "1-ffffffff"]
    assert {folder.parts[:2] for folder in folders()} == {("a", "b")}


@pytest.mark.parametrize("net", ["ネット", "a/b", "..", "x" * 300, 'a:*?"<>|\\'])
def test_any_name_is_that_of_a_folder_within_the_log_folder(net):
    parts = ("t", "d[categories=person+dog]", "acc@1a2b3c4d", net)
    follow(start(TensorBoard(), pipeline(*parts)), trial(parts=parts))
    [folder] = folders()
    assert folder.parts[0] == "runs"
    assert len(folder.parts) == 3
    assert text(folder, "trial")["net"] == net


def test_a_folder_that_cannot_be_created_is_reported_at_the_start():
    Path("taken").touch()
    with pytest.raises(WriteError) as raised:
        start(TensorBoard(folder="taken/runs"))
    assert str(raised.value) == "taken/runs: cannot be written: Not a directory"
