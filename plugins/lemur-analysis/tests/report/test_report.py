import json
import sys

import pytest
from openpyxl import load_workbook

from lemur_core.cli import main

PIPELINE = "img-classification_cifar-10_acc_ResNet"


@pytest.fixture
def lemur(capsys, monkeypatch, tmp_path):
    """Return a function that runs lemur in a folder with a database: status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lemur", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            main()
        return exited.value.code, *capsys.readouterr()

    for epoch in (1, 2):
        file = tmp_path / "stat" / PIPELINE / f"{epoch}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        records = [
            {"accuracy": epoch / 4, "duration": epoch * 10**9, "lr": lr, "transform": "echo"}
            for lr in (0.1, 0.2)
        ]
        file.write_text(json.dumps(records))
    assert call("db", "import", "stat")[0] == 0
    return call


def test_a_report_is_written_by_the_suffix_of_its_name(lemur, tmp_path):
    command = ("report", "--nn", "ResNet", "--figures", "none", "--out")
    assert lemur(*command, "a.xlsx") == (0, "wrote a.xlsx: 4 records on 1 sheets\n", "")
    assert lemur(*command, "r.XLSX", "--raw") == (0, "wrote r.XLSX: 4 records, 0 figures\n", "")
    assert lemur(*command, "a.html") == (0, "wrote a.html: 4 records, 0 figures\n", "")
    assert lemur(*command, "a.pdf")[:2] == (0, "wrote a.pdf: 4 records on 3 pages\n")
    cover = {row[0]: row[1] for row in load_workbook("a.xlsx")["cover"].values}
    assert cover["command"] == "lemur report --nn ResNet --figures none --out a.xlsx"
    assert (cover["filter nn"], cover["database"]) == ("ResNet", "lemur.db")
    raw = load_workbook("r.XLSX")["results"]
    assert [cell.value for cell in raw[1]][-2:] == ["lr", "transform"]


def test_a_folder_contains_all_reports_with_the_installed_figures(lemur, tmp_path):
    status, said, errors = lemur("report", "--out", "all", "--figures", "rolling-mean")
    assert (status, errors) == (0, "")
    assert said == "wrote all: 4 records in report.xlsx, records.xlsx and report.html\n"
    assert "data-svg='<svg" in (tmp_path / "all" / "report.html").read_text()
    assert len(load_workbook("all/report.xlsx")["cifar-10"]._images) == 1
    assert len(load_workbook("all/records.xlsx")["figures"]._images) == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--out", "a.docx"],
            "--out 'a.docx': expected a name that ends in .xlsx, .html or .pdf, or one without a "
            "suffix for a folder",
        ),
        (
            ["--out", "a.html", "--raw"],
            "--raw writes a workbook; --out 'a.html' does not end in .xlsx",
        ),
        (
            ["--out", "a.html", "--epoch", "9"],
            "no recorded results match; nothing to report",
        ),
        (["--out", "no/a.html"], "no/a.html: cannot be written: there is no directory no"),
        (["--nn", "Resnet"], "no results of net 'Resnet'. Did you mean 'ResNet'"),
        (["--figures", "rolling"], "unknown figure 'rolling'. Did you mean 'rolling-mean'?"),
        (["--figures", "+"], "figures is '+'; expected all, none, or names joined by +"),
    ],
)
def test_an_error_is_one_line(lemur, tmp_path, arguments, line):
    status, said, errors = lemur("report", *arguments)
    assert (status, said) == (2, "")
    assert errors.startswith("lemur: error: ")
    assert line in errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.glob("*.html"))


def test_a_missing_database_is_an_error_of_one_line(lemur):
    status, _, errors = lemur("report", "--db", "none.db", "--out", "a.pdf")
    assert (status, errors.count("\n")) == (2, 1)
    assert "none.db" in errors
