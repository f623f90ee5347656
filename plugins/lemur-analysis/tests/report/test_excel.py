import zipfile
from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from openpyxl import load_workbook

from lemur_analysis.plot.figure import figure
from lemur_analysis.report.excel import excel, excel_raw
from lemur_core.store.reading import workbook


@figure(needs=("accuracy",))
def curve(panel):
    panel.ax.plot(panel.frame["accuracy"])


def table(sheet):
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in rows]


def check_whole(path):
    """Check for errors that spreadsheets repair: invalid XML, and references to missing parts."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        assert len(names) == len(archive.namelist())
        for name in names:
            if name.endswith((".xml", ".rels")):
                root = ElementTree.fromstring(archive.read(name))
                for relation in root if name.endswith(".rels") else ():
                    # Relative to the folder of the part that has the relations.
                    folder = PurePosixPath("/", name).parent.parent
                    target = folder / relation.get("Target")
                    assert str(target)[1:] in names
        for name in names:
            if name.startswith("xl/worksheets/sheet"):
                assert b"<f>" not in archive.read(name)


def test_a_workbook_has_a_sheet_for_each_task_and_dataset(results, records, figures, tmp_path):
    figures(curve=curve)
    frame = pd.concat(
        [
            records({"A": [0.5, 0.6], "B": [0.7]}),
            records({"A": [0.9]}, dataset="coco"),
            records({"A": [0.8]}, dataset="coco", task="img-segmentation", metric="iou"),
        ]
    )
    selected = results(frame, command="lemur report")
    assert excel(selected, tmp_path / "a.xlsx") == "5 records on 3 sheets"
    check_whole(tmp_path / "a.xlsx")
    book = load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == [
        "cover", "coco, img-classification", "digits", "coco, img-segmentation", "anomalies",
    ]  # fmt: skip
    rows = table(book["digits"])
    assert [(row["net"], row["epoch"], row["score mean"]) for row in rows] == [
        ("A", 1, 0.5), ("A", 2, 0.6), ("B", 1, 0.7),
    ]  # fmt: skip
    assert rows[1]["seconds mean"] == 2
    # A single value has no standard deviation.
    assert rows[0]["score std"] is None
    # The figure is placed beside the table.
    for name in book.sheetnames[1:-1]:
        (picture,) = book[name]._images
        assert picture.anchor._from.col > book[name].max_column
    assert selected.warnings == []


def test_the_cover_of_a_workbook_comes_first_and_names_its_sheets(
    results, records, figures, tmp_path
):
    figures()
    excel(results(records({"A": [0.5]}), command="lemur report"), tmp_path / "a.xlsx")
    book = load_workbook(tmp_path / "a.xlsx")
    assert book.active.title == "cover"
    cover = [(row["about"], row["value"]) for row in table(book["cover"])]
    assert ("command", "lemur report") in cover
    assert ("records", 1) in cover
    assert ("note", "sheet digits: img-classification, digits") in cover


def test_the_raw_workbook_has_all_records_with_their_types(results, records, figures, tmp_path):
    figures(curve=curve)
    scores = [0.1 + 0.2, np.nan, np.inf]
    frame = records({"=A()": scores}, duration=[1_500_000_000, None, 3 * 10**9])
    assert excel_raw(results(frame), tmp_path / "a.xlsx") == "3 records, 1 figures"
    check_whole(tmp_path / "a.xlsx")
    book = load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["cover", "results", "figures"]
    sheet = book["results"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:I4")
    rows = table(sheet)
    assert [*rows[0]] == [
        "task", "dataset", "metric", "nn", "epoch", "duration", "accuracy", "prm.epoch", "lr",
    ]  # fmt: skip
    # Numbers are exact; missing values are empty, and numbers unknown to spreadsheets are text.
    assert [row["accuracy"] for row in rows] == [0.1 + 0.2, None, "inf"]
    assert [row["duration"] for row in rows] == [1.5, None, 3]
    assert (sheet["D2"].value, sheet["D2"].data_type) == ("=A()", "s")
    assert len(book["figures"]._images) == 1


def test_too_many_records_for_a_sheet_are_split_with_a_note(
    results, records, figures, tmp_path, monkeypatch
):
    figures()
    monkeypatch.setattr(workbook, "MOST_ROWS", 30)
    selected = results(records({"A": [0.5] * 30}))
    excel_raw(selected, tmp_path / "a.xlsx")
    book = load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["cover", "results", "results (2)"]
    assert [row["epoch"] for row in table(book["results (2)"])] == [30]
    line = "30 rows are on 2 sheets, results to results (2): a sheet holds 29"
    assert selected.warnings == [line]
    assert line in [row["value"] for row in table(book["cover"])]


@pytest.mark.parametrize(
    "name",
    ["x" * 300, "\u7d50\u679c", "a[b]:*?/\\", "@cmd", "\tTab", "a\0b", "<script>", "$x_1$"],
)
def test_any_name_can_be_reported(results, records, figures, tmp_path, name):
    figures(curve=curve)
    frame = records({name: [0.5]}, dataset=name)
    for write in (excel, excel_raw):
        write(results(frame), tmp_path / "a.xlsx")
        check_whole(tmp_path / "a.xlsx")
        book = load_workbook(tmp_path / "a.xlsx")
        assert all(len(title) <= 31 for title in book.sheetnames)
    assert plt.get_fignums() == []


def test_scores_that_are_all_missing_leave_cells_empty(results, records, figures, tmp_path):
    figures(curve=curve)
    excel(results(records({"A": [np.nan, np.nan]})), tmp_path / "a.xlsx")
    rows = table(load_workbook(tmp_path / "a.xlsx")["digits"])
    assert [(row["score count"], row["score mean"]) for row in rows] == [(0, None), (0, None)]
