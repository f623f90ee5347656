"""Values of every type are written, and read back by pandas and openpyxl."""

import io
import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook

from lemur_core import data
from lemur_core.errors import SettingsError
from lemur_core.store.database import open_engine
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading import workbook
from lemur_core.store.reading.columns import number_type
from lemur_core.store.reading.formats import FORMS, write
from lemur_core.workbooks import add_table, save_workbook

from .test_taking import FIRST, publish


def as_form(frame, form):
    file = io.BytesIO()
    notes = write(frame, form, file)
    file.seek(0)
    return file, notes


def as_column(*values):
    return pd.DataFrame({"one": pd.Series(list(values), dtype=object)})


def cells(file):
    sheet = load_workbook(file).active
    return [row[0].value for row in sheet.iter_rows(min_row=2)]


def same(value, other):
    return pd.isna(value) if other is None else value == other


NUMBERS_AND_TEXT = "one holds {}; all its values are written as text"


@pytest.mark.parametrize(
    ("values", "read", "note"),
    [
        ([1, 2, None], [1, 2, None], ""),
        ([1, 2.5, None], [1.0, 2.5, None], ""),
        ([True, None, False], [True, None, False], ""),
        ([math.inf, -math.inf, math.nan], [math.inf, -math.inf, None], ""),
        (["a", None, "b"], ["a", None, "b"], ""),
        ([None, None], [None, None], ""),
        ([{"a": 1}, None, [1, 2]], ['{"a": 1}', None, "[1, 2]"], ""),
        (["\ud800"], ["\\ud800"], ""),
        ([1, "batch", None], ["1", "batch", None], "text and whole numbers"),
        ([True, 1], ["True", "1"], "true or false and whole numbers"),
        ([0.1, "batch", {"a": 1}], ["0.1", "batch", '{"a": 1}'], "numbers and text"),
        ([10**30, 1], [str(10**30), "1"], "very large numbers"),
        ([2**53 + 1, 0.5], [str(2**53 + 1), "0.5"], "very large numbers"),
        ([2**63 - 1, None], [2**63 - 1, None], ""),
    ],
)
def test_a_parquet_column_has_one_type(values, read, note):
    file, notes = as_form(as_column(*values), "parquet")
    back = list(pd.read_parquet(file, dtype_backend="numpy_nullable")["one"])
    assert all(map(same, back, read)), back
    assert notes == ([NUMBERS_AND_TEXT.format(note)] if note else [])


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1, 1),
        (0.1 + 0.2, 0.1 + 0.2),
        (5e-324, 5e-324),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (10**30, str(10**30)),
        (math.inf, "inf"),
        (math.nan, None),
        (None, None),
        (True, True),
        ("=1+1", "=1+1"),
        ("#N/A", "#N/A"),
        ({"a": [1]}, '{"a": [1]}'),
        ([1, 2], "[1, 2]"),
        ("\ud800", "\\ud800"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
        (datetime(2026, 1, 2, 3, 4, 5), datetime(2026, 1, 2, 3, 4, 5)),
    ],
)
def test_each_workbook_cell_has_the_type_of_its_value(value, read):
    file, notes = as_form(as_column(value, "text"), "xlsx")
    assert cells(file) == [read, "text"]
    assert type(cells(file)[0]) is type(read)
    assert notes == []


def test_a_frame_of_typed_columns_is_written_unchanged():
    zoned = pd.Series(pd.to_datetime(["2026-01-02T03:04:05Z", None]))
    frame = pd.DataFrame(
        {
            "zoned": zoned,
            "kind": pd.Categorical(["a", None]),
            "count": pd.array([1, None], dtype="Int64"),
            "real": np.array([0.5, np.nan]),
        }
    )
    back = pd.read_parquet(as_form(frame, "parquet")[0])
    assert back["zoned"][0] == zoned[0]
    assert back["kind"].tolist()[0] == "a"
    assert back["count"].isna().tolist() == back["real"].isna().tolist() == [False, True]
    sheet = load_workbook(as_form(frame, "xlsx")[0]).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert rows == [["2026-01-02T03:04:05+00:00", "a", 1, 0.5]]


def test_shortened_cells_are_counted():
    most = 32_767
    wide = "\U0001f98a" * (most // 2 + 1)  # Two UTF-16 code units each.
    frame = pd.DataFrame(
        {"code": ["a" * most, "b" * (most + 1), wide], "nn": ["c" * 40_000, "d", "e"]}
    )
    file, notes = as_form(frame, "xlsx")
    sheet = load_workbook(file).active
    code = [row[0].value for row in sheet.iter_rows(min_row=2)]
    assert code == ["a" * most, "b" * most, wide[: most // 2]]
    ending = "characters, the most that a cell of xlsx holds; csv, jsonl and parquet keep the whole"
    assert sorted(notes) == [
        f"1 cell of nn cut to 32,767 {ending}", f"2 cells of code cut to 32,767 {ending}"
    ]  # fmt: skip
    back = pd.read_csv(as_form(frame, "csv")[0])
    assert list(back["code"]) == list(frame["code"])


def test_csv_contains_each_value_unchanged():
    values = [2**53 + 1, 0.5, None, "=1", {"a": 1}, "\ud800", True, -1]
    written = as_form(as_column(*values), "csv")[0].read().decode()
    assert written.splitlines() == [
        "one", "9007199254740993", "0.5", '""', "'=1", '"{""a"": 1}"', "\\ud800", "True", "-1"
    ]  # fmt: skip


def test_characters_that_a_workbook_cannot_hold_are_counted():
    file, notes = as_form(as_column("a\0b\x1b", "tab\tand\nline"), "xlsx")
    assert cells(file) == ["a\ufffdb\ufffd", "tab\tand\nline"]
    assert notes == [
        "1 cell of one written with \ufffd in place of control characters, which xlsx cannot hold; "
        "csv, jsonl and parquet keep the whole"
    ]


def test_more_columns_than_a_sheet_holds_are_refused(monkeypatch):
    monkeypatch.setattr(workbook, "MOST_COLUMNS", 2)
    with pytest.raises(SettingsError) as caught:
        as_form(pd.DataFrame({"a": [1], "b": 1, "c": 1}), "xlsx")
    assert str(caught.value) == (
        "3 columns do not fit in an xlsx sheet, which holds 2; write fewer, or another "
        "format: csv, jsonl or parquet"
    )


@pytest.mark.parametrize(
    ("rows", "sheets"),
    [
        (0, {"results": []}),
        (2, {"results": [0, 1]}),
        (3, {"results": [0, 1], "results (2)": [2]}),
        (5, {"results": [0, 1], "results (2)": [2, 3], "results (3)": [4]}),
    ],
)
def test_rows_beyond_the_limit_of_a_sheet_continue_on_others(monkeypatch, rows, sheets):
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    file, notes = as_form(pd.DataFrame({"n": range(rows), "t": "x"}), "xlsx")
    book = load_workbook(file)
    for sheet in book:
        # Each sheet starts with the column names, which are frozen and filter all rows.
        assert [cell.value for cell in sheet[1]] == ["n", "t"]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == f"A1:B{sheet.max_row}"
    read = {sheet.title: [row[0].value for row in sheet.iter_rows(min_row=2)] for sheet in book}
    assert read == sheets
    several = (
        f"{rows} rows are on {len(sheets)} sheets, results to {[*sheets][-1]}: a sheet holds 2"
    )
    assert notes == ([several] if len(sheets) > 1 else [])


# Excel: 31 UTF-16 code units, none of []:*?/\\, no apostrophe at the ends, unique, not History.
@pytest.mark.parametrize(
    ("texts", "titles"),
    [
        (["a[b]:*?/\\c"], ["a_b______c"]),
        (["Net", "net", "NET"], ["Net", "net (2)", "NET (3)"]),
        (["x" * 300, "X" * 300], ["x" * 31, "X" * 27 + " (2)"]),
        (["\U0001f98a" * 16], ["\U0001f98a" * 15]),
        (["\u7d50\u679c"], ["\u7d50\u679c"]),
        (["'quoted'", "History", "", ""], ["quoted", "History (2)", "_", " (2)"]),
        (["a\0b\nc\td", "\ud800"], ["a_b c d", "\\ud800".replace("\\", "_")]),
    ],
)
def test_sheet_titles_are_accepted_by_excel(texts, titles):
    book = Workbook()
    book.remove(book.active)
    for text in texts:
        book.create_sheet(workbook.sheet_title(book, text))
    assert book.sheetnames == titles


def test_tables_are_added_beside_others_and_their_text_is_never_a_formula():
    book = Workbook(write_only=True)
    tables = [add_table(book, as_column("=1+1", "#N/A"), title) for title in ("a/b", "A/B")]
    file = io.BytesIO()
    save_workbook(book, file)
    assert [sheet.title for table in tables for sheet in table.sheets] == ["a_b", "A_B (2)"]
    for sheet in load_workbook(file):
        assert [(cell.value, cell.data_type) for (cell,) in sheet.iter_rows(min_row=2)] == [
            ("=1+1", "s"),
            ("#N/A", "s"),
        ]


def test_a_sheet_holds_as_many_rows_as_excel_allows():
    assert (workbook.MOST_ROWS, workbook.MOST_COLUMNS) == (2**20, 2**14)


@pytest.mark.parametrize("form", FORMS)
def test_two_columns_with_the_same_name_are_refused(form):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(SettingsError, match="^column 'a' appears twice; expected each column"):
        as_form(frame, form)


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_without_rows_is_written(form):
    file, notes = as_form(as_column(), form)
    assert notes == []
    assert file.read() or form == "jsonl"


def test_integers_stay_integers_if_some_trials_lack_them(tmp_path):
    trials = [FIRST | {"seed-ish": 2**53 + 1, "depth": 3}, FIRST | {"lr": 0.5}]
    publish(tmp_path / "stat", 1, trials)
    with open_engine(tmp_path / "some.db", create=True) as engine:
        import_results(engine, tmp_path / "stat")
    frame = data(db=tmp_path / "some.db", prm_as_columns=True)
    assert sorted(frame["prm.seed-ish"].dropna()) == [2**53 + 1]
    assert frame["prm.depth"].dtype == "Int64"


def test_a_table_leaves_missing_hyperparameters_empty(lemur, tmp_path):
    publish(tmp_path / "stat", 1, [FIRST | {"depth": 3, "width": 0.5}, FIRST | {"lr": 0.5}])
    assert lemur("db", "import", "stat")[0] == 0
    _, header, *rows = lemur("data", "--prm-as-columns")[1].splitlines()
    cells = [dict(zip(header.split(), row.split(), strict=True)) for row in rows]
    assert sorted(row["depth"] for row in cells) == ["-", "3"]
    assert sorted(row["width"] for row in cells) == ["-", "0.5"]
    assert not any(word in row.lower() for row in rows for word in ("nan", "<na>", "none"))


def test_an_inexact_dtype_is_not_used():
    assert number_type([2**53 + 1, None]) == "Int64"
    assert number_type([2**53 + 1, 0.5]) is None
    assert number_type([10**400, 0.5]) is None
    assert number_type([True, 1]) is None
    assert number_type([]) is None


def test_hyperparameters_of_several_types_are_written_with_a_note(lemur, tmp_path):
    publish(tmp_path / "stat", 1, [FIRST | {"norm": 1}, FIRST | {"norm": "batch"}])
    assert lemur("db", "import", "stat")[0] == 0
    command = ("data", "--prm-as-columns", "--output")
    assert lemur(*command, "out.parquet", "--format", "parquet") == (
        0, "", "lemur: warning: prm.norm holds text and whole numbers; all its values are "
        "written as text\n",
    )  # fmt: skip
    assert sorted(pd.read_parquet(tmp_path / "out.parquet")["prm.norm"]) == ["1", "batch"]
    assert lemur(*command, "out.xlsx", "--format", "xlsx") == (0, "", "")
    assert set(pd.read_excel(tmp_path / "out.xlsx")["prm.norm"]) == {1, "batch"}
