"""Results are imported from Python as they are from the command line."""

import json

import pytest

import lemur_core
from lemur_core.errors import SettingsError, UnknownNameError


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "stat" / "img-classification_mine_acc_Mine"
    folder.mkdir(parents=True)
    records = [{"accuracy": 0.5, "batch": 8, "lr": 0.1}, {"accuracy": 1.5, "batch": 8}]
    (folder / "1.json").write_text(json.dumps(records))
    return tmp_path / "stat"


def test_results_are_imported_once_with_what_cannot_be(published, tmp_path):
    db = tmp_path / "lemur.db"
    first = lemur_core.import_results(published, db=db)
    assert (first.added, first.present) == (1, 0)
    (fault,) = first.faults
    assert "accuracy 1.5" in fault.reason
    again = lemur_core.import_results(str(published), form="lemur-files", db=str(db))
    assert (again.added, again.present) == (0, 1)
    assert [*lemur_core.data(db=db)["accuracy"]] == [0.5]


def test_a_place_or_importer_that_is_not_there_is_one_line(published, tmp_path):
    with pytest.raises(SettingsError, match="there is no such file or folder"):
        lemur_core.import_results(tmp_path / "absent", db=tmp_path / "lemur.db")
    with pytest.raises(UnknownNameError, match="unknown importer 'lemur-file'"):
        lemur_core.import_results(published, form="lemur-file", db=tmp_path / "lemur.db")
