"""Figures of LEMUR's published records, compared with the numbers in the paper."""

import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from lemur_analysis import plot
from lemur_analysis.plot.figure import note_of

STAT = Path(__file__).parents[5] / "shared" / "data" / "lemur" / "stat.zip"
pytestmark = pytest.mark.skipif(not STAT.exists(), reason="the published records are not here")


@pytest.fixture(scope="module")
def published():
    rows = []
    with zipfile.ZipFile(STAT) as archive:
        for name in archive.namelist():
            if name.endswith(".json"):
                _, pipeline, epoch = name.removesuffix(".json").split("/")
                task, dataset, metric, net = pipeline.split("_")
                cell = {"task": task, "dataset": dataset, "metric": metric, "nn": net}
                for row in json.loads(archive.read(name)):
                    values = {key: row.get(key) for key in ("accuracy", "duration")}
                    rows.append(cell | {"epoch": int(epoch)} | values)
    return pd.DataFrame(rows)


def test_means_and_deviations_correlate_as_in_the_paper(published):
    notes = [note_of(ax) for ax in plot.mean_std_correlation(published)]
    assert notes[0] == "n = 30,829; 6,522 groups of 2 or more, r = -0.17"
    assert notes[1] == "n = 1,354; 322 groups of 2 or more, r = 0.93"
    pooled = note_of(plot.mean_std_correlation(published, pooled=True))
    assert "r = -0.12; all tasks and metrics pooled" in pooled


def test_records_without_a_duration_are_not_drawn_as_zero(published):
    notes = [note_of(ax) for ax in plot.score_time_by_task(published)]
    assert notes == ["n = 26,574; 4,255 without a duration", "n = 1,354", "n = 241"]
    # 28,169 records have a duration.
    assert 26574 + 1354 + 241 == 28169


def test_all_published_scores_are_in_the_histogram(published):
    axes = plot.histogram(published)
    assert [sum(bar.get_height() for bar in ax.patches) for ax in axes] == [30829, 1354, 241]
