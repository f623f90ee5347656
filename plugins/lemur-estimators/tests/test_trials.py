"""The rows of trials are what the summary of a replay is made of."""

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


def test_the_summary_can_be_made_of_the_rows(curves, tmp_path):
    estimators = "peng4nn,median,consensus"
    replay(curves, "--estimators", estimators, "--orders", 3, "--trials", tmp_path / "trials.csv")
    replay(curves, "--estimators", estimators, "--orders", 3, "--figures", tmp_path / "figures")
    rows = pd.read_csv(tmp_path / "trials.csv")
    again = pd.read_csv(tmp_path / "figures" / "trials.csv")
    timeless = [name for name in rows if name != "seconds"]
    pd.testing.assert_frame_equal(rows[timeless], again[timeless])
    summary = pd.read_csv(tmp_path / "figures" / "estimators.csv")
    for _, one in summary.iterrows():
        mine = again[again["estimator"] == one["estimator"]]
        assert len(mine) == 3 * one["trials"] == 36
        saved = 1 - mine["epoch"] / mine["epochs"]
        assert one["saved"] == pytest.approx(saved.mean(), rel=1e-12)
        assert one["saved_half"] == pytest.approx(saved.median(), rel=1e-12)
        assert one["throughput"] == pytest.approx(mine["epochs"].sum() / mine["epoch"].sum())
        early = mine[mine["epoch"] < mine["epochs"]]
        off = early["predicted"] - early["final"]
        assert one["error"] == pytest.approx(off.abs().mean() if len(off) else 0, rel=1e-12)
        assert one["bias"] == pytest.approx(off.mean() if len(off) else 0, rel=1e-12)
        assert one["milliseconds"] == pytest.approx(
            1000 * mine["seconds"].sum() / mine["decisions"].sum()
        )
        kept = [
            best_kept(*(each.sort_values("position")[name].to_numpy() for name in PAIR), 0.2)
            for _, each in mine.groupby("order")
        ]
        assert one["overlap_20%"] == pytest.approx(np.mean([overlap for overlap, _ in kept]))
        assert one["difference_20%"] == pytest.approx(np.mean([lost for _, lost in kept]))
        given = early.dropna(subset="lower")
        within = given["final"].between(given["lower"] - 1e-9, given["upper"] + 1e-9)
        assert one["covered"] == pytest.approx(within.mean(), nan_ok=True)


PAIR = ("predicted", "final")


def test_rows_follow_the_study_and_say_what_came(curves, tmp_path):
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
    # Of the first net, written by hand: 95 - 90 * 0.6^11, at the twelfth epoch.
    first = rows[0]
    assert float(first["final"]) == pytest.approx(0.946735, abs=1e-6)
    assert (float(first["epochs"]), float(first["epoch"])) == (12, 12)
    assert first["predicted"] == first["final"]


def test_trials_are_printed_for_people(curves):
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
    one = curves / "n00.csv"
    text = one.read_text()
    for arguments, message in (
        (["--trials", one], f"--trials {one}: is there already; put --trials behind FILES to "
         "replay it, or name another file"),
        ([curves, "--trials", one],
         f"--trials {one}: would be one of the files that are replayed; name another"),
        ([curves, "--trials", curves / "trials.csv"], f"--trials {curves / 'trials.csv'}: would "
         "be one of the files that are replayed; name another"),
        ([curves, "--trials", "some.txt"],
         "--trials 'some.txt': expected a name that ends in .csv"),
    ):  # fmt: skip
        with pytest.raises(LemurError) as raised:
            replay(*arguments)
        assert str(raised.value) == message
    assert one.read_text() == text
    assert not (curves / "trials.csv").exists()


def test_what_cannot_be_written_is_one_line(curves, tmp_path):
    (tmp_path / "file").touch()
    for option, place, reason in (
        ("--trials", tmp_path / "nowhere" / "trials.csv",
         f"there is no directory {tmp_path / 'nowhere'}"),
        ("--figures", tmp_path / "file" / "figures", "Not a directory"),
    ):  # fmt: skip
        with pytest.raises(LemurError) as raised:
            replay(curves, "--estimators", "menndl", "--orders", 1, option, place)
        assert str(raised.value) == f"{place}: cannot be written: {reason}"


def test_options_of_files_are_refused_of_a_database():
    for option, value in (("--unit", "percent"), ("--score", "acc")):
        with pytest.raises(LemurError) as raised:
            replay(option, value)
        assert str(raised.value) == (
            f"{option}: is for CSV files, and no FILES are given; a database's scores are fractions"
        )


def test_the_unit_may_be_given(tmp_path):
    folder = tmp_path / "never"
    folder.mkdir()
    lines = [f"{epoch},1.0" for epoch in range(1, 13)]
    (folder / "never.csv").write_text("\n".join(["epoch,val_accuracy", *lines]))
    arguments = [folder, "--estimators", "menndl", "--orders", 1, "--trials", "--unit"]
    assert replay(*arguments, "percent").splitlines()[-1].split()[-1] == "0.0100"
    assert replay(*arguments, "fraction").splitlines()[-1].split()[-1] == "1.0000"
