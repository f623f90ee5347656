"""Two campaigns with one database share the work of a study."""

import sqlite3
from pathlib import Path

from lemur_core import data

GOOD = Path(__file__).with_name("faults") / "Good.py"
TRIALS, EPOCHS = 8, 15
COMMAND = (
    "run", "img-classification_digits_acc", "--net", str(GOOD), "--transform", "norm_32",
    "-t", str(TRIALS), "-e", str(EPOCHS), "--threads", "1", "--seed", "1", "--batch", "64",
    "--quiet",
)  # fmt: skip


def test_each_trial_is_trained_once(tmp_path, warm):
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        campaigns = [warm.start(tmp_path, *COMMAND, stderr=file) for _ in range(2)]
        for campaign in campaigns:
            assert campaign.wait() == 0, errors.read_text()
    frame = data(db=tmp_path / "lemur.db")
    assert (
        sorted(frame.groupby("trial")["epoch"].apply(list)) == [list(range(1, EPOCHS + 1))] * TRIALS
    )
    # The proposals of the campaigns differ.
    assert len({str(prm) for prm in frame["prm"]}) == TRIALS
    with sqlite3.connect(tmp_path / "lemur.db") as connection:
        owners = connection.execute("select owner, count(*) from trial group by 1").fetchall()
    assert len(owners) == 2
