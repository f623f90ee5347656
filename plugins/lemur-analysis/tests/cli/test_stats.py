import csv
import json

import pandas as pd
import pytest
from click.testing import CliRunner

from lemur_analysis.cli.stats import stats as command


@pytest.fixture
def stats(monkeypatch):
    """Return a function that runs ``lemur stats`` on a frame: status, output, errors."""

    def call(frame, *arguments):
        # Ignore the filters, which lemur_core implements and tests.
        monkeypatch.setattr("lemur_core.data", lambda **_: frame, raising=False)
        result = CliRunner().invoke(command, arguments)
        return result.exit_code, result.stdout, result.stderr

    return call


@pytest.fixture
def results():
    rows = [
        {"task": "t", "dataset": dataset, "metric": "acc", "nn": net, "epoch": 1,
         "accuracy": score + number / 100, "duration": 1e9, "prm": {"lr": number},
         "trial": f"{dataset}{net}{number}"}
        for dataset in ("x", "y", "z")
        for net, score in (("A", 0.9), ("B", 0.5), ("C", 0.1))
        for number in range(2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_default_tables(stats, results):
    status, out, _ = stats(results)
    assert status == 0
    assert "x        acc        3       6        6       1  A         0.9100" in out
    assert "3 complete blocks of 3 nets; left out: 0 blocks, 0 nets" in out
    assert "Friedman chi2(2) = 6.00, p = 0.05" in out  # 3 blocks that agree: 3 * 2
    assert "note: Nemenyi" not in out
    assert "note: Wilcoxon's p cannot be below 0.25 with 3 blocks" in out
    assert max(map(len, out.splitlines())) <= 80


def test_one_dataset_has_a_table_of_nets_and_no_ranks(stats, results):
    _, out, _ = stats(results[results["dataset"] == "x"])
    assert "t_x_acc\nnet  trials  records    best  epoch    mean     std  median" in out
    assert "one dataset, x: ranks over datasets need several" in out


def test_one_net_has_no_ranks(stats, results):
    _, out, _ = stats(results[results["nn"] == "A"])
    assert "one net, A: ranks over datasets need several" in out


def test_an_empty_selection_is_one_line(stats, results):
    assert stats(results.iloc[:0]) == (0, "no such rows\n", "")
    status, out, errors = stats(results.iloc[:0], "--table", "nets", "--format", "csv")
    assert (status, out, errors) == (0, "", "no such rows\n")


TABLES = (
    "overview", "nets", "summary", "ranks", "tests", "pairs", "intervals", "correlations",
    "anomalies",
)  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_each_table_can_be_read_by_people_and_programs(stats, results, table):
    if table == "anomalies":
        results = results.assign(accuracy=2.0)
    status, out, _ = stats(results, "--table", table)
    assert status == 0
    assert out.strip()
    _, out, _ = stats(results, "--table", table, "--format", "csv")
    rows = list(csv.DictReader(out.splitlines()))
    _, out, _ = stats(results, "--table", table, "--format", "json")
    assert len(json.loads(out)) == len(rows) > 0


def test_a_format_for_programs_needs_a_table(stats, results):
    status, _, errors = stats(results, "--format", "json")
    assert status == 2
    assert "--format json needs --table" in errors


def test_names_are_short_and_printable_in_tables(stats, results):
    names = results["nn"].replace({"A": "x" * 300, "B": "a\x1b[31m\nb"})
    _, out, _ = stats(results.assign(nn=names))
    assert "x" * 27 + "..." in out
    assert "a\\x1b[31m\\nb" in out
    assert "\x1b[31m" not in out


def test_results_with_only_missing_scores_are_reported(stats, results):
    status, out, _ = stats(results.assign(accuracy=float("nan")))
    assert status == 0
    assert "missing" in out
