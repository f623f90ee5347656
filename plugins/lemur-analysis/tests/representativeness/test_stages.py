import numpy as np
import pytest
from pandas import DataFrame

from lemur_analysis import representativeness as rep
from lemur_analysis.representativeness.stages import stage_columns
from lemur_core.errors import SettingsError

from .populations import population

WIDTHS = DataFrame(
    {
        "net": ["up", "level", "down", "flat"],
        "width_1": [8, 8, 32, 16],
        "width_2": [16, 16, 16, 16],
        "width_3": [32, 16, 8, 16],
    }
)


def test_ascending_has_two_readings():
    assert rep.ascending(WIDTHS, "width").tolist() == [True, True, False, True]
    assert rep.ascending(WIDTHS, "width", strict=True).tolist() == [True, False, False, False]


def test_both_readings_are_counted_and_a_net_counts_once():
    twice = DataFrame({name: [*WIDTHS[name]] * 2 for name in WIDTHS})
    table = rep.ascending_counts(twice)
    assert table.to_dict("records") == [
        {"setting": "width", "reading": ">=", "nets": 3, "of": 4, "share": 0.75},
        {"setting": "width", "reading": ">", "nets": 1, "of": 4, "share": 0.25},
    ]


def test_stages_are_in_the_order_of_their_numbers():
    names = ["depth_10", "depth_2", "depth_1", "depth", "width_x", "group_1"]
    assert stage_columns(DataFrame(columns=names)) == {
        "depth": ["depth_1", "depth_2", "depth_10"],
        "group": ["group_1"],
    }


def test_one_stage_does_not_ascend():
    with pytest.raises(SettingsError) as error:
        rep.ascending(WIDTHS[["net", "width_1"]], "width")
    assert str(error.value) == (
        "an ascending width needs the columns width_1, width_2, ...; the frame has width_1"
    )


def test_an_unknown_stage_does_not_ascend_and_has_no_total():
    frame = WIDTHS.assign(width_2=[16, np.nan, 16, 16])
    assert rep.ascending(frame, "width").tolist() == [True, False, False, True]
    assert rep.with_totals(frame)["width"].isna().tolist() == [False, True, False, False]


def test_existing_totals_are_kept():
    assert rep.with_totals(WIDTHS)["width"].tolist() == [56, 40, 56, 48]
    assert rep.with_totals(WIDTHS.assign(width=7))["width"].tolist() == [7] * 4


def test_the_best_configurations_are_the_best_net_and_the_mean_of_the_best_few():
    frame = population(
        {"x": {"a": 0.3, "b": 0.1, "c": 0.2}, "y": {"a": 0.1, "b": 0.1}},
        depth_1={"a": 9, "b": 2, "c": 4},
    )
    table = rep.best_configurations(frame, best=2)
    assert table.to_dict("records") == [
        # Standard deviation of 2 and 4, and of 9 and 2, with ddof 1; ties are resolved by name.
        {"dataset": "x", "setting": "depth", "stage": 1, "best_net": 2, "mean": 3.0,
         "std": pytest.approx(2**0.5), "nets": 2},
        {"dataset": "y", "setting": "depth", "stage": 1, "best_net": 9, "mean": 5.5,
         "std": pytest.approx(24.5**0.5), "nets": 2},
    ]  # fmt: skip


def test_configurations_need_settings_of_stages():
    frame = population({"x": {"a": 0.3}})
    with pytest.raises(SettingsError, match="no stage settings, for example depth_1"):
        rep.best_configurations(frame)
    with pytest.raises(SettingsError, match="best is 0; expected a whole number from 1"):
        rep.best_configurations(frame, best=0)
