import pandas as pd
import pytest

from lemur_analysis.report.contents import cover_of, distinguish_datasets, read_frame, sections_of
from lemur_core.errors import SettingsError


def test_a_section_has_the_rows_of_one_task_and_dataset(records):
    frame = pd.concat([records({"A": [0.5, 0.6]}), records({"A": [0.7]}, dataset="mnist")])
    assert [(section.title, list(section.frame["accuracy"])) for section in sections_of(frame)] == [
        ("img-classification, digits", [0.5, 0.6]),
        ("img-classification, mnist", [0.7]),
    ]


def test_datasets_with_the_same_name_and_different_content_are_distinguished(records):
    frame = records({"A": [0.1, 0.2], "B": [0.3]}).assign(data=["d@1", "d@2", None])
    assert list(distinguish_datasets(frame)["dataset"]) == [
        "d@1",
        "d@2",
        "digits (content unknown)",
    ]
    for data in ("d@1", None):
        assert set(distinguish_datasets(frame.assign(data=data))["dataset"]) == {"digits"}


def test_an_empty_report_says_that_there_are_no_records(results, records):
    empty = results(records({"A": [0.5]}).head(0))
    frame = read_frame(empty)
    assert sections_of(frame) == []
    assert dict(cover_of(empty, frame))["records"] == 0


def test_a_frame_that_lacks_columns_is_refused(results, records):
    with pytest.raises(SettingsError, match="has no column 'duration'"):
        read_frame(results(records({"A": [0.5]}).drop(columns="duration")))


def test_the_cover_says_what_is_reported(results, records):
    frame = pd.concat(
        [records({"A": [0.5, None]}), records({"B": [0.7]}, dataset="mnist", duration=None)]
    )
    selected = results(frame, arguments={"metric": "acc"}, command="lemur report --metric acc")
    cover = dict(cover_of(selected, frame))
    assert pd.Timestamp(cover.pop("written")).utcoffset() is not None
    assert {name: value for name, value in cover.items() if "version" not in name} == {
        "command": "lemur report --metric acc",
        "database": "results.db",
        "filter metric": "acc",
        "records": 3,
        "records of img-classification, digits, acc": 2,
        "records of img-classification, mnist, acc": 1,
        "nets": 2,
        "trials": 2,
        "records without a score": 1,
        "records without a duration": 1,
    }
    assert "version of lemur-core" in cover
