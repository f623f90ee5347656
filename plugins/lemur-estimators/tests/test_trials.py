"""The summary of a replay can be computed from the rows of trials."""

import csv

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lemur_core.cli import cli
from lemur_core.errors import LemurError
from lemur_estimators.replay.measures import best_kept


@pytest.fixture
def curves(tmp_path):
    folder = tmp_path / "curves"
    folder.mkdir()
    for number in range(12):
        top = 95 - 3 * ((5 * number) % 12)
        rows = [f"{i},{top - (top - 5) * 0.6**i:.4f}" for i in range(12)]
        (folder / f"n{number:02}.csv").write_text("\n".join(["epoch,val_accuracy", *rows]))
    return folder


def replay(*arguments):
    command = ["estimate", "replay", *map(str, arguments), "--least", "10"]
    output = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert output.exit_code == 0, output.output
    return output.output


def test_the_summary_can_be_computed_from_the_rows(curves, tmp_path):
    estimators = "peng4nn,median,consensus"
    replay(curves, "--estimators", estimators, "--orders", 3, "--trials", tmp_path / "trials.csv")
    replay(curves, "--estimators", estimators, "--orders", 3, "--figures", tmp_path / "figures")
    rows = pd.read_csv(tmp_path / "trials.csv")
    again = pd.read_csv(tmp_path / "figures" / "trials.csv")
    timeless = [name for name in rows if name != "seconds"]
    pd.testing.assert_frame_equal(rows[timeless], again[timeless])
    summary = pd.read_csv(tmp_path / "figures" / "estimators.csv")
    for _, row in summary.iterrows():
        selected = again[again["estimator"] == row["estimator"]]
        assert len(selected) == 3 * row["trials"] == 36
        saved = 1 - selected["epoch"] / selected["epochs"]
        assert row["saved"] == pytest.approx(saved.mean(), rel=1e-12)
        assert row["saved_half"] == pytest.approx(saved.median(), rel=1e-12)
        assert row["throughput"] == pytest.approx(
            selected["epochs"].sum() / selected["epoch"].sum()
        )
        early = selected[selected["epoch"] < selected["epochs"]]
        errors = early["predicted"] - early["final"]
        assert row["error"] == pytest.approx(errors.abs().mean() if len(errors) else 0, rel=1e-12)
        assert row["bias"] == pytest.approx(errors.mean() if len(errors) else 0, rel=1e-12)
        assert row["milliseconds"] == pytest.approx(
            1000 * selected["seconds"].sum() / selected["decisions"].sum()
        )
        best = [
            best_kept(*(order.sort_values("position")[name].to_numpy() for name in PAIR), 0.2)
            for _, order in selected.groupby("order")
        ]
        assert row["overlap_20%"] == pytest.approx(np.mean([overlap for overlap, _ in best]))
        assert row["difference_20%"] == pytest.approx(np.mean([lost for _, lost in best]))
        bounded = early.dropna(subset="lower")
        within = bounded["final"].between(bounded["lower"] - 1e-9, bounded["upper"] + 1e-9)
        assert row["covered"] == pytest.approx(within.mean(), nan_ok=True)


PAIR = ("predicted", "final")


def test_rows_have_the_order_of_the_study_and_the_final_scores(curves, tmp_path):
    file = tmp_path / "trials.csv"
    replay(curves, "--estimators", "patience:epochs=2,halving", "--orders", 2, "--trials", file)
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    names = [f"n{number:02}" for number in range(12)]
    assert [row["trial"] for row in rows] == [name for name in names for _ in "ab"] * 2
    assert [row["estimator"] for row in rows[:2]] == ["patience:epochs=2", "halving"]
    assert [row["order"] for row in rows] == ["1"] * 24 + ["2"] * 24
    assert {row["study"] for row in rows} == {"curves"}
    for order in ("1", "2"):
        places = [row["position"] for row in rows if row["order"] == order]
        assert sorted(map(int, places[::2])) == list(range(1, 13))
    # The first net at the twelfth epoch, computed by hand: 95 - 90 * 0.6^11.
    first = rows[0]
    assert float(first["final"]) == pytest.approx(0.946735, abs=1e-6)
    assert (float(first["epochs"]), float(first["epoch"])) == (12, 12)
    assert first["predicted"] == first["final"]


def test_trials_are_printed_as_a_table(curves):
    output = replay(curves, "--estimators", "patience:epochs=2", "--orders", 1, "--trials")
    table = output[output.index("\ncurves\n") :].split("\n\n")[0].strip().splitlines()
    assert table[1].split() == [
        "trial", "patience:epochs=2:", "epoch", "patience:epochs=2:", "predicted", "epochs",
        "final",
    ]  # fmt: skip
    assert [line.split()[0] for line in table[2:]] == [f"n{number:02}" for number in range(12)]
    assert table[2].split() == ["n00", "12", "0.9467", "12", "0.9467"]
    several = replay(curves, "--estimators", "median", "--orders", 2, "--trials")
    assert "curves, order 1 of 2" in several
    assert "curves, order 2 of 2" in several


def test_files_may_follow_the_option(curves):
    before = replay(curves, "--estimators", "menndl", "--trials")
    assert (
        replay("--estimators", "menndl", "--trials", curves).splitlines()[-13:]
        == (before.splitlines()[-13:])
    )


def test_a_file_that_is_replayed_is_never_overwritten(curves):
    file = curves / "n00.csv"
    text = file.read_text()
    for arguments, message in (
        (["--trials", file], f"--trials {file}: already exists; put --trials after FILES to "
         "replay it, or name another file"),
        ([curves, "--trials", file],
         f"--trials {file}: would be one of the files that are replayed; name another"),
        ([curves, "--trials", curves / "trials.csv"], f"--trials {curves / 'trials.csv'}: would "
         "be one of the files that are replayed; name another"),
        ([curves, "--trials", "some.txt"],
         "--trials 'some.txt': expected a name that ends in .csv"),
    ):  # fmt: skip
        with pytest.raises(LemurError) as raised:
            replay(*arguments)
        assert str(raised.value) == message
    assert file.read_text() == text
    assert not (curves / "trials.csv").exists()


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(curves, tmp_path):
    (tmp_path / "file").touch()
    for option, place, reason in (
        ("--trials", tmp_path / "nowhere" / "trials.csv",
         f"there is no directory {tmp_path / 'nowhere'}"),
        ("--figures", tmp_path / "file" / "figures", "Not a directory"),
    ):  # fmt: skip
        with pytest.raises(LemurError) as raised:
            replay(curves, "--estimators", "menndl", "--orders", 1, option, place)
        assert str(raised.value) == f"{place}: cannot be written: {reason}"


def test_options_of_files_are_refused_for_a_database():
    for option, value in (("--unit", "percent"), ("--score", "acc")):
        with pytest.raises(LemurError) as raised:
            replay(option, value)
        assert str(raised.value) == (
            f"{option}: is for CSV files, but no FILES are given; scores in a database are "
            "fractions"
        )


def test_the_unit_may_be_given(tmp_path):
    folder = tmp_path / "never"
    folder.mkdir()
    lines = [f"{epoch},1.0" for epoch in range(1, 13)]
    (folder / "never.csv").write_text("\n".join(["epoch,val_accuracy", *lines]))
    arguments = [folder, "--estimators", "menndl", "--orders", 1, "--trials", "--unit"]
    assert replay(*arguments, "percent").splitlines()[-1].split()[-1] == "0.0100"
    assert replay(*arguments, "fraction").splitlines()[-1].split()[-1] == "1.0000"
