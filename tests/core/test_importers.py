"""Records that importers yield are imported once, and invalid ones become faults."""

import json
import sys

import numpy as np
import pytest

import lemur_core
from lemur_core import Entry, data, registry
from lemur_core.errors import ContractError, LemurError, SettingsError, UnknownNameError
from lemur_core.kinds.importer import EpochRecord, Fault, Membership, importer, recognised
from lemur_core.options import Selection, read_selection
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing.merge import merge
from lemur_core.store.importing.published import import_results
from lemur_core.store.reading.filters import Filters

PIPELINE = ("img-classification", "mnist", "acc", "CNN")


def record(epoch=1, accuracy=0.5, prm=None, **more):
    return EpochRecord(*PIPELINE, prm or {"lr": 0.1}, epoch, accuracy, **more)


@pytest.fixture
def db(tmp_path):
    return tmp_path / "lemur.db"


@pytest.fixture
def taken(db, tmp_path):
    """Return a function that imports records and returns the report."""

    def take(*records, read=None):
        with open_engine(db, create=True) as engine:
            return import_results(engine, tmp_path, read or (lambda place: records), "zoos")

    return take


def curves(db):
    frame = data(db=db, with_curves=True)
    return sorted({tuple(curve.items()) for curve in frame["curve"]})


def test_all_values_of_a_record_are_stored(db, taken):
    report = taken(
        record(
            3, 0.75, {"lr": 0.1, "batch": 32}, validation=0.5, loss=1.25, duration_ns=10**10,
            validation_loss=1.5, extra={"gpu": "T4", "width": 0.1}, code="class Net: ...",
            trial="seed 7",
        )
    )  # fmt: skip
    assert (report.read, report.added, report.faults) == (1, 1, [])
    [row] = data(db=db, with_stats=True).to_dict("records")
    values = {
        name: row[name]
        for name in (
            "task", "dataset", "metric", "nn", "epoch", "accuracy", "validation", "loss",
            "validation_loss", "duration", "prm", "extra", "nn_code", "state",
        )
    }  # fmt: skip
    assert values == {
        "task": "img-classification", "dataset": "mnist", "metric": "acc", "nn": "CNN", "epoch": 3,
        "accuracy": 0.75, "validation": 0.5, "loss": 1.25, "duration": 10**10,
        "validation_loss": 1.5, "prm": {"lr": 0.1, "batch": 32},
        "extra": {"gpu": "T4", "width": 0.1}, "nn_code": "class Net: ...", "state": "imported",
    }  # fmt: skip


def test_numpy_numbers_are_stored_exactly(db, taken):
    third = np.float32(1 / 3)
    prm = {"lr": np.float64(0.1), "batch": np.int64(8)}
    report = taken(record(np.int64(2), third, prm, validation=np.float64(0.1)))
    assert report.faults == []
    [row] = data(db=db).to_dict("records")
    assert (row["accuracy"], row["validation"]) == (float(third), 0.1)
    assert row["prm"] == {"lr": 0.1, "batch": 8}


def test_epochs_of_a_trial_are_stored_together(db, taken):
    # Two trials with the same hyperparameters, unordered, with the same values in one epoch.
    taken(
        record(2, 0.75, trial="b"), record(1, 0.25, trial="a"), record(1, 0.25, trial="b"),
        record(2, 0.5, trial="a"),
    )  # fmt: skip
    assert curves(db) == [((1, 0.25), (2, 0.5)), ((1, 0.25), (2, 0.75))]


def test_other_hyperparameters_make_another_trial(db, taken):
    taken(record(1, 0.25, {"lr": 0.1}, trial="0"), record(1, 0.25, {"lr": 0.2}, trial="0"))
    assert data(db=db)["trial"].nunique() == 2


def test_records_without_a_trial_are_assigned_to_trials_of_their_prm(db, taken):
    # Identical records are two trials, as in LEMUR's files.
    taken(record(1, 0.25), record(1, 0.25), record(2, 0.5))
    assert curves(db) == [((1, 0.25),), ((1, 0.25), (2, 0.5))]


def test_importing_records_again_changes_nothing(db, taken):
    records = [record(1, 0.25, trial="a"), record(1, 0.5), record(1, 0.5), record(2, 0.5)]
    assert taken(*records).added == 4
    before = data(db=db)
    report = taken(*records, record(2, 0.75, trial="a"))
    assert (report.read, report.added, report.faults) == (5, 1, [])
    assert data(db=db)[:4].equals(before)
    assert len(data(db=db)) == 5


def test_an_identical_epoch_is_stored_once(db, taken):
    report = taken(record(1, 0.25, trial="a"), record(1, 0.25, trial="a"))
    assert (report.faults, len(data(db=db))) == ([], 1)


def test_an_epoch_with_another_validation_loss_is_a_fault(taken):
    assert taken(record(trial="a", validation_loss=1.5)).added == 1
    report = taken(record(trial="a", validation_loss=1.25))
    assert report.added == 0
    assert report.faults[0].reason.endswith("is already recorded with other values")


def test_an_epoch_with_other_values_is_a_fault_and_does_not_replace_the_first(db, taken, tmp_path):
    report = taken(record(1, 0.25, trial="a"), record(1, 0.5, trial="a"), record(2, 0.5, trial="a"))
    assert report.faults == [
        Fault(f"{tmp_path}, record 2", "epoch 1 of trial 'a' was given before with other values")
    ]
    assert curves(db) == [((1, 0.25), (2, 0.5))]
    report = taken(record(1, 0.125, trial="a"), record(3, 0.75, trial="a"))
    [fault] = report.faults
    assert fault.reason.startswith("epoch 1 of trial ")
    assert fault.reason.endswith(" is already recorded with other values")
    assert report.added == 1
    assert curves(db) == [((1, 0.25), (2, 0.5), (3, 0.75))]


def test_nets_with_the_same_name_keep_their_own_code(db, taken):
    taken(record(trial="a", code="one"), record(trial="b", code="two"), record(trial="c"))
    codes = data(db=db)["nn_code"].astype(object)
    assert sorted(codes.fillna("none")) == ["none", "one", "two"]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"accuracy": 75.0}, "accuracy 75.0: expected a number from 0 to 1"),
        ({"accuracy": float("nan")}, "accuracy nan: expected a number from 0 to 1"),
        ({"accuracy": "0.5"}, "accuracy '0.5': expected a number from 0 to 1"),
        ({"accuracy": True}, "accuracy True: expected a number from 0 to 1"),
        ({"accuracy": 10**400}, "accuracy 1000"),
        ({"validation": -0.1}, "validation -0.1: expected a number from 0 to 1"),
        ({"epoch": 0}, "epoch 0: expected a whole number from 1"),
        ({"epoch": 1.0}, "epoch 1.0: expected a whole number from 1"),
        ({"epoch": 2**31}, "epoch 2147483648: expected a whole number from 1"),
        ({"loss": float("inf")}, "loss inf: expected a finite number"),
        ({"validation_loss": "1"}, "validation_loss '1': expected a finite number"),
        ({"duration_ns": -1}, "duration_ns -1: expected a whole number from 0"),
        ({"prm": [1]}, "prm [1]: expected a dictionary with names as keys"),
        ({"prm": {1: 2}}, "prm {1: 2}: expected a dictionary with names as keys"),
        ({"prm": {"lr": float("nan")}}, "prm {'lr': nan}: contains a value that JSON cannot hold"),
        ({"prm": {"lr": {1, 2}}}, "prm {'lr': {1, 2}}: contains a value that JSON cannot hold"),
        ({"prm": {"l\0r": 1}}, "prm 'l\\x00r': contains characters that no database stores"),
        (
            {"extra": {"a": object}},
            "extra {'a': <class 'object'>}: contains a value that JSON cannot hold",
        ),
        (
            {"prm": {"duration": 1}},
            "prm 'duration': is the name of a measurement; use another name",
        ),
        ({"extra": {"accuracy": 1}}, "extra 'accuracy': is the name of another value; use "),
        ({"trial": 7}, "trial 7: expected text"),
        ({"code": None}, "code None: expected text"),
        ({"facts": {"a": 1}}, "has facts, but no trial that they belong to"),
        ({"code": "class Net: ..."}, "has code, but no trial that they belong to"),
        ({"facts": 3, "trial": "a"}, "facts 3: expected a dictionary with names as keys"),
    ],
)
def test_an_invalid_record_is_a_fault_and_the_others_are_imported(db, taken, given, reason):
    values = {"epoch": 1, "accuracy": 0.5, "prm": {"lr": 0.1}, "place": "zoo.csv:2"} | given
    bad = EpochRecord(*PIPELINE, **values)
    report = taken(record(1, 0.25), bad, record(2, 0.75))
    [fault] = report.faults
    assert fault.place == "zoo.csv:2"
    assert fault.reason.startswith(reason)
    assert len(fault.reason) < 120
    assert list(data(db=db)["accuracy"]) == [0.25, 0.75]


def test_a_trial_cannot_have_two_codes(db, taken, tmp_path):
    report = taken(record(1, 0.25, trial="a", code="one"), record(2, 0.5, trial="a", code="two"))
    assert report.faults == [
        Fault(f"{tmp_path}, record 2", "trial 'a' was given before with other code")
    ]


RECORDS = [
    record(1, 0.25, trial="a", code="one", validation=0.5, extra={"gpu": "T4"}),
    record(2, 0.5, trial="a", code="one", loss=0.1),
    record(1, 0.25, trial="b", code="two"),
    record(2, 0.75, trial="b", code="two", duration_ns=7),
    record(1, 0.125, validation=0.1),
    record(1, 0.125),
    record(2, 0.125, extra={"lr": 0.5, "gpu_type": "T4"}),
    record(3, 0.25, validation_loss=1.5),
    record(3, 0.5, trial="a", code="one", validation_loss=2),
]
KNOWN = [
    "nn_code", "epoch", "accuracy", "validation", "loss", "validation_loss", "duration", "prm",
    "extra", "curve",
]  # fmt: skip


def stored_values(db, columns=KNOWN):
    """Return all values of each epoch as text, sorted."""
    frame = data(db=db, with_stats=True, with_curves=True)
    return sorted(map(repr, frame[columns].astype(object).itertuples(index=False, name=None)))


def test_a_merge_keeps_all_imported_values(db, taken, tmp_path):
    assert taken(*RECORDS).faults == []
    with open_engine(db) as source, open_engine(tmp_path / "other.db", create=True) as engine:
        assert merge(engine, source).epochs == 9
        # Merging again, or importing into the other database too, changes nothing.
        assert merge(engine, source).epochs == 0
        assert import_results(engine, tmp_path, lambda place: RECORDS, "zoos").added == 0
    assert stored_values(tmp_path / "other.db") == stored_values(db)
    named = data(db=db)["trial"][:-2]
    assert {*named} <= {*data(db=tmp_path / "other.db")["trial"]}


def test_lemurs_files_keep_all_imported_values_except_code(db, taken, tmp_path):
    assert taken(*RECORDS).faults == []
    with open_engine(db) as engine:
        export(engine, tmp_path / "files")
    other = tmp_path / "other.db"
    for added in (9, 0):
        with open_engine(other, create=True) as engine:
            report = import_results(engine, tmp_path / "files")
        assert (report.faults, report.added) == ([], added)
    columns = [name for name in KNOWN if name != "nn_code"]
    assert stored_values(other, columns) == stored_values(db, columns)
    assert {*data(db=other)["state"]} == {"imported"}
    # Repeat with the other database.
    with open_engine(other) as engine:
        export(engine, tmp_path / "again")
    assert texts(tmp_path / "again") == texts(tmp_path / "files")


def test_facts_of_a_record_are_stored_once(db, taken, tmp_path):
    records = [
        record(1, 0.25, trial="a", facts={"sharpness": 0.1}, trial_facts={"zoo.seed": 7}),
        record(2, 0.5, trial="a", facts={"sharpness": 0.2}, trial_facts={"zoo.seed": 7}),
        record(1, 0.75, trial="b"),
    ]
    for _ in range(2):
        assert taken(*records).faults == []
    frame = data(db=db, with_facts=["sharpness", "zoo.seed"]).sort_values("accuracy")
    assert frame["sharpness"].tolist()[:2] == [0.1, 0.2]
    assert frame["zoo.seed"].tolist()[:2] == [7, 7]
    assert frame[["sharpness", "zoo.seed"]].iloc[2].isna().all()


def test_a_fact_that_cannot_be_stored_is_a_fault_and_the_others_are_imported(db, taken):
    report = taken(
        record(1, 0.25, trial="a", facts={"fact.x": 1, "kept": 2}),
        record(2, 0.5, trial="a", facts={"kept": float("nan")}, place="zoo.csv:2"),
    )
    assert [fault.place for fault in report.faults[:1]] == ["zoo.csv:2"]
    assert report.faults[0].reason == "facts {'kept': nan}: contains a value that JSON cannot hold"
    assert "'fact.x'" in report.faults[1].place + report.faults[1].reason
    assert data(db=db, with_facts=["kept"])["kept"].tolist() == [2]


def test_facts_stay_with_their_trial(db, tmp_path):
    """Two databases imported different trials with the same hyperparameters."""
    first, second = tmp_path / "one.db", tmp_path / "two.db"
    for file, accuracy in ((first, 0.25), (second, 0.5)):
        with open_engine(file, create=True) as engine:
            import_results(engine, tmp_path, lambda place, it=accuracy: [record(1, it)], "zoos")
    [uid] = data(db=second)["trial"]
    lemur_core.record(uid, {"latency": 7}, db=second)
    with open_engine(first) as engine, open_engine(second) as other:
        faults = merge(engine, other).attached.faults
    assert faults == [
        Fault(f"trial {uid}", "epoch 1 is already recorded with accuracy 0.25; got 0.5")
    ]
    assert data(db=first, with_stats=True, with_facts=True)["accuracy"].tolist() == [0.25]
    with open_engine(first) as engine:
        assert engine.connect().exec_driver_sql("select count(*) from fact").scalar() == 0


def test_facts_of_an_imported_trial_survive_export_and_import(db, taken, tmp_path):
    taken(record(1, 0.25), record(1, 0.5), record(1, 0.75, {"lr": 0.2}))
    [uid] = data(db=db, where={"accuracy": 0.5})["trial"]
    lemur_core.record(uid, {"latency": 7}, db=db)
    with open_engine(db) as engine:
        export(engine, tmp_path / "some", Filters(where={"accuracy": (0.3, 1.0)}))
    with open_engine(tmp_path / "other.db", create=True) as engine:
        assert import_results(engine, tmp_path / "some").faults == []
    frame = data(db=tmp_path / "other.db", with_facts=["latency"])
    assert dict(zip(frame["accuracy"], frame["latency"].notna(), strict=True)) == {
        0.5: True, 0.75: False,
    }  # fmt: skip


def texts(folder):
    """Return the records by file; those with equal accuracy have no order."""
    return {
        file.name: sorted(map(json.dumps, json.loads(file.read_text())))
        for file in folder.rglob("*.json")
    }


@pytest.mark.parametrize("name", ["", "a_b", 3, "a\0"])
def test_an_invalid_pipeline_name_is_a_fault(taken, name):
    report = taken(EpochRecord("img-classification", "mnist", "acc", name, {}, 1, 0.5))
    [fault] = report.faults
    assert fault.reason == f"nn {name!r}: expected a name without '_'"


def test_a_value_that_is_neither_record_nor_fault_is_a_fault(db, taken, tmp_path):
    report = taken({"accuracy": 1}, Fault("zoo.csv:7", "torn"), None, record())
    assert report.faults == [
        Fault(f"{tmp_path}, record 1", "{'accuracy': 1}: expected an EpochRecord or a Fault"),
        Fault("zoo.csv:7", "torn"),
        Fault(f"{tmp_path}, record 3", "None: expected an EpochRecord or a Fault"),
    ]
    assert len(data(db=db)) == 1


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ValueError("torn\nin two"), "ValueError: torn"),
        (SystemExit("bye"), "SystemExit: bye"),
        (SettingsError("the file changed"), "the file changed"),
    ],
)
def test_records_before_an_error_are_imported(db, taken, tmp_path, error, why):
    def read(place):
        yield record(1, 0.25)
        yield record(2, 0.5)
        raise error

    report = taken(read=read)
    assert report.faults == [Fault(str(tmp_path), f"reading ended after 2 records: {why}")]
    assert list(data(db=db)["accuracy"]) == [0.25, 0.5]


def test_an_importer_that_fails_at_once_gives_one_fault(taken, tmp_path):
    def refuses(place):
        raise SettingsError("seeds is 'x'; expected all or first")

    with pytest.raises(SettingsError, match="seeds is 'x'"):
        taken(read=refuses)
    assert taken(read=lambda place: 3).faults == [
        Fault(
            str(tmp_path), "reading ended after 0 records: TypeError: 'int' object is not iterable"
        )
    ]


THIRD = """
from lemur_core.kinds.importer import EpochRecord

def recognises(place):
    return place.suffix == ".zoo"

def read(place, *, factor=1.0):
    for epoch, line in enumerate(place.read_text().split(), 1):
        yield EpochRecord("img-classification", "mnist", "acc", "CNN", {"lr": 0.1}, epoch,
                          factor * float(line), place=f"{place.name}:{epoch}")

class Rival:
    recognises = staticmethod(recognises)
    read = staticmethod(read)

class Broken:
    @staticmethod
    def recognises(place):
        raise OSError("no such disk")
    read = staticmethod(read)

class Deaf:
    recognises = staticmethod(recognises)
"""


@pytest.fixture
def third(toys, tmp_path, monkeypatch):
    """Return a function that installs a third-party importer and others of its module."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "third_importers.py").write_text(THIRD)
    (tmp_path / "a.zoo").write_text("0.25 0.5")
    monkeypatch.syspath_prepend(tmp_path / "code")
    with monkeypatch.context() as patch:

        def with_others(*others):
            entries = [Entry("zoos", "third_importers")]
            entries += [Entry(name.lower(), f"third_importers:{name}") for name in others]
            more = toys.with_entries("third", "importer", entries)
            patch.setattr(registry, "installed", lambda: more)
            return more

        yield with_others
    sys.modules.pop("third_importers", None)


def test_the_importer_that_recognises_a_place_reads_it(lemur, third):
    third()
    assert lemur("db", "import", "a.zoo") == (
        0, "a.zoo: 2 records imported, 0 already present\n", "",
    )  # fmt: skip
    assert list(data()["accuracy"]) == [0.25, 0.5]
    _, out, _ = lemur("db", "info")
    assert "source      a.zoo (zoos), 2 epochs" in out


def test_an_importer_can_be_selected_with_its_options(lemur, third):
    third("Rival")
    assert lemur("db", "import", "a.zoo", "--format", "zoos:factor=2.5") == (
        1,
        "a.zoo: 1 records imported, 0 already present, 1 could not be read\n",
        "a.zoo:2: accuracy 1.25: expected a number from 0 to 1\n",
    )


@pytest.mark.parametrize(
    ("others", "arguments", "line"),
    [
        (["Rival"], ["a.zoo"], "a.zoo: several importers recognise it; name one with --format: "
         "zoos, rival"),
        ([], ["code"], "code: no importer recognises it; name one with --format: lemur-files, "
         "lemur-database, zoos"),
        ([], ["nowhere"], "nowhere: there is no such file or folder"),
        ([], ["a.zoo", "--format", "zoo"], "unknown importer 'zoo'. Did you mean 'zoos'?"),
        ([], ["a.zoo", "--format", "zoos:x=1"], "importer 'zoos' has no option 'x'; there are "
         "factor"),
        (["Deaf"], ["a.zoo", "--format", "deaf"], "importer 'deaf': has no function read(place)"),
        ([], ["a.zoo", "--format", "lemur-database"], "a.zoo: is not a LEMUR database"),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_imported_gives_one_line(lemur, third, others, arguments, line):
    third(*others)
    assert lemur("db", "import", *arguments) == (2, "", f"lemur: error: {line}\n")


def test_an_importer_that_fails_to_recognise_does_not_stop_others(third, tmp_path):
    more, warned = third("Broken", "Deaf"), []
    assert recognised(more, tmp_path / "a.zoo", warned.append) == "zoos"
    place = tmp_path / "a.zoo"
    assert warned == [
        f"importer 'broken' cannot say whether it recognises {place}: OSError: no such disk",
        f"importer 'deaf' cannot say whether it recognises {place}: "
        "ContractError: importer 'deaf': has no function read(place)",
    ]


def test_a_warning_of_an_importer_names_the_line_that_imports(third, db, tmp_path):
    third("Broken")
    with pytest.warns(UserWarning, match="importer 'broken' cannot say whether") as caught:
        assert lemur_core.import_results(tmp_path / "a.zoo", db=db).added == 2
    assert [warning.filename for warning in caught] == [__file__]


def test_lemurs_files_are_recognised_in_and_below_a_folder(lemur, third, tmp_path):
    more = third()
    folder = tmp_path / "stat" / "img-classification_mnist_acc_CNN"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text(json.dumps([{"accuracy": 0.5, "lr": 0.1}]))
    for place in (folder.parent, folder):
        assert recognised(more, place, print) == "lemur-files"
    (folder / "1.json").rename(folder / "notes.json")
    with pytest.raises(SettingsError, match="no importer recognises it"):
        recognised(more, folder, print)


def test_importer_options_have_the_type_of_their_defaults(third, tmp_path):
    read = importer(third(), read_selection("importer", "zoos:factor=0.5"))
    assert [epoch.accuracy for epoch in read(tmp_path / "a.zoo")] == [0.125, 0.25]
    for selection, kind in (
        (Selection("none"), UnknownNameError),
        (Selection("zoos", {"factor": "half"}), SettingsError),
    ):
        with pytest.raises(kind) as raised:
            importer(third(), selection)
        assert isinstance(raised.value, LemurError)
    with pytest.raises(ContractError):
        importer(third("Deaf"), Selection("deaf"))


def test_trials_become_members_of_collections(db, taken):
    def pair(role, spec=None):
        return Membership("twins", role, "pair", spec, "a paper")

    def records():
        for number in (2, 1):
            yield record(1, 0.5, trial=f"a{number}", memberships=[pair("dense")])
            yield record(2, 0.6, trial=f"a{number}", memberships=[pair("dense")])
            yield record(1, 0.4, trial=f"b{number}", memberships=[pair("sparse")])

    report = taken(*records())
    assert (report.faults, report.attached.collections, report.attached.members) == ([], 1, 4)
    twins = lemur_core.collection("twins", db=db)
    assert (twins.kind, twins.spec, twins.provenance) == ("pair", None, "a paper")
    trials = {(member.role, member.position): member.trial for member in twins.members}
    assert sorted(trials) == [("dense", 0), ("dense", 1), ("sparse", 0), ("sparse", 1)]
    frame = data(db=db, collection="twins")
    assert sorted(frame[frame["role"] == "dense"]["accuracy"]) == [0.5, 0.5, 0.6, 0.6]
    again = taken(*records())
    assert (again.added, again.attached.collections, again.attached.members) == (0, 0, 0)
    assert lemur_core.collection("twins", db=db) == twins


@pytest.mark.parametrize(
    ("memberships", "trial", "reason"),
    [
        ([Membership("twins")], "", "has memberships, but no trial that they belong to"),
        (["twins"], "a", "memberships hold 'twins': expected a Membership"),
        ([Membership("")], "a", "collection '': collection name '': is empty"),
        ([Membership("twins", role=3)], "a", "collection 'twins': role name 3: expected a string"),
        ([Membership("twins", spec=float("nan"))], "a", "collection 'twins': contains a value"),
    ],
)
def test_an_invalid_membership_is_a_fault(db, taken, memberships, trial, reason):
    report = taken(record(trial=trial, memberships=memberships), record(2))
    assert [fault.reason[: len(reason)] for fault in report.faults] == [reason]
    assert report.added == 1
