import pytest

from lemur_core.errors import SettingsError
from lemur_estimators.replay.csv_file import read_csv


def read(folder, text, column=None):
    file = folder / "net.csv"
    file.write_text(text)
    return read_csv(file, column)


def test_the_scores_of_a_csv_file_are_read_in_their_own_unit(tmp_path):
    curve = read(tmp_path, "epoch,val_accuracy,val_loss\n0.5,10.5,2.0\n1.0,25.0,\n")
    assert curve.epochs == (0.5, 1.0)
    assert curve.scores == (10.5, 25.0)
    assert curve.losses == (2.0, None)
    assert curve.column == "val_accuracy"


@pytest.mark.parametrize(
    ("epochs", "read_as"),
    [
        ("0 1 2", (1, 2, 3)),
        ("0.0 1.0 2.0", (1, 2, 3)),
        ("0", (1,)),
        ("1 2 3", (1, 2, 3)),
        ("1.0 2.0", (1, 2)),
        ("0.5 1 1.5", (0.5, 1, 1.5)),
        ("5 10 15", (5, 10, 15)),
        ("1e0 2e0", (1, 2)),
        ("3 4", (3, 4)),
        ("0 5 10", (1, 6, 11)),
    ],
)
def test_1_is_added_to_integer_epochs_that_begin_at_0(tmp_path, epochs, read_as):
    lines = "".join(f"{epoch},0.5\n" for epoch in epochs.split())
    assert read(tmp_path, f"epoch,accuracy\n{lines}").epochs == read_as


KERAS = """epoch,accuracy,learning_rate,loss,val_accuracy,val_loss
0,0.31,0.001,1.9,0.42,1.6
1,0.48,0.001,1.4,0.55,1.3
"""


def test_a_log_of_keras_is_read(tmp_path):
    curve = read(tmp_path, KERAS)
    assert (curve.epochs, curve.scores, curve.losses) == ((1, 2), (0.42, 0.55), (1.9, 1.4))


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,b\n1,2\n", None, "no column 'epoch'; there are a, b"),
        ("Epoch,acc\n1,2\n", None, "no column 'epoch'. Did you mean 'Epoch'?"),
        ("", None, "not a CSV file with a column 'epoch'"),
        ("epoch,val_los\n1,2\n", None, "no column 'score'; there are epoch, val_los"),
        ("epoch,accuracy\n1,2\n", "accurcy", "no column 'accurcy'. Did you mean 'accuracy'?"),
        (
            "epoch,val_loss\n1,2\n",
            "val_loss",
            "val_loss falls as nets get better; estimators need a score that rises",
        ),
        ("epoch,acc\n1,few\n", None, "acc is 'few' in line 2; expected a number"),
        ("epoch,acc,loss\n1,2,few\n", None, "loss is 'few' in line 2; expected a number"),
        ("epoch,acc\n1,2\nfew,2\n", None, "epoch is 'few' in line 3; expected a number"),
        (
            "epoch,acc\n2,1\n1,2\n",
            None,
            "epoch 1 follows epoch 2 in line 3; expected epochs that increase from line to "
            "line, and one trial per file",
        ),
        (
            "epoch,acc\n1,1\n2,1\n2,2\n",
            None,
            "epoch 2 follows epoch 2 in line 4; expected epochs that increase from line to "
            "line, and one trial per file",
        ),
        (
            "epoch,acc\n0,1\n1,2\n0,1\n",
            None,
            "epoch 0 follows epoch 1 in line 4; expected epochs that increase from line to "
            "line, and one trial per file",
        ),
        (
            "epoch,acc\n1,1\n,2\n",
            None,
            "line 3 has no epoch; expected epochs that increase from line to line",
        ),
        ("epoch,acc\n-1,1\n0,2\n", None, "epoch -1 in line 2; expected 0 or more"),
        (
            "epoch,acc\n0,1\n0.5,2\n",
            None,
            "its epochs begin at 0 and are not all integers; expected numbers of trained epochs, "
            "above 0 (0.5, 1, 1.5), or integers from 0, as Keras writes them",
        ),
        ("epoch,acc\n1,2,3\n", None, "has lines with more values than columns"),
    ],
)
def test_a_csv_file_that_cannot_be_used_raises(tmp_path, text, column, message):
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, text, column)
    assert str(raised.value) == f"{tmp_path / 'net.csv'}: {message}"


@pytest.mark.parametrize(
    ("epochs", "skipped"),
    [
        ("1 2 3", None),
        ("0.5 1 2 3", None),
        ("5 10 15", None),
        ("1", None),
        ("1 2 3 7 8", (3, 7)),
        ("0 1 4", (2, 5)),
    ],
)
def test_missing_epochs_are_found(tmp_path, epochs, skipped):
    lines = "".join(f"{epoch},0.5\n" for epoch in epochs.split())
    assert read(tmp_path, f"epoch,accuracy\n{lines}").skipped == skipped
