"""Results that were trained elsewhere are imported once and exported unchanged."""

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from lemur_core import data
from lemur_core.errors import SettingsError, StoreError
from lemur_core.spawn import spawn
from lemur_core.store.database import open_engine
from lemur_core.store.export import export
from lemur_core.store.importing import ahead
from lemur_core.store.importing.intake import ImportReport
from lemur_core.store.importing.layout import files_in, read_files
from lemur_core.store.importing.published import import_results

PIPELINE = "img-classification_cifar-10_acc_ResNet"
FIRST = {
    "accuracy": 0.75, "batch": 16, "duration": 10**12, "lr": 0.0061668171693620745,
    "momentum": 0.5, "patch_size": 8.0, "transform": "norm_64", "uid": "a",
}  # fmt: skip
SECOND = {
    "accuracy": 0.5, "batch": 32, "lr": 1e-05, "momentum": 0.9, "transform": "echo", "uid": "b",
}  # fmt: skip


@pytest.fixture
def db(tmp_path):
    return tmp_path / "results.db"


@pytest.fixture
def published(tmp_path):
    return tmp_path / "stat"


def publish(folder, epoch, records, pipeline=PIPELINE):
    file = folder / pipeline / f"{epoch}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(records if isinstance(records, str) else json.dumps(records, indent=4))


def taken(db, place):
    with open_engine(db, create=True) as engine:
        return import_results(engine, place)


def exported(db, folder):
    with open_engine(db) as engine:
        return export(engine, folder)


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*.json"))
    }


def test_published_results_are_in_data(published, db):
    publish(published, 3, [FIRST, SECOND])
    assert taken(db, published) == ImportReport(read=2, added=2)
    frame = data(db=db, with_stats=True).sort_values("accuracy")
    assert list(frame["accuracy"]) == [0.5, 0.75]
    assert list(frame["epoch"]) == [3, 3]
    assert list(frame["state"]) == ["imported", "imported"]
    assert frame["nn_code"].isna().all()
    assert frame["validation"].isna().all()
    assert frame["duration"].tolist()[1] == 10**12
    assert frame["duration"].isna().tolist() == [True, False]
    prm = {name: FIRST[name] for name in ("batch", "lr", "momentum", "patch_size", "transform")}
    assert frame["prm"].iloc[1] == prm
    assert [type(value) for value in frame["prm"].iloc[1].values()] == [
        type(value) for value in prm.values()
    ]
    assert list(frame["extra"]) == [{"uid": "b"}, {"uid": "a"}]
    assert set(frame["source"]) == {str(published)}


def test_importing_published_results_again_changes_nothing(published, db):
    publish(published, 1, [FIRST, SECOND, SECOND])
    assert taken(db, published) == ImportReport(read=3, added=3)
    before = data(db=db)
    assert taken(db, published) == ImportReport(read=3, added=0)
    assert data(db=db).equals(before)
    publish(published, 2, [FIRST])
    assert taken(db, published) == ImportReport(read=4, added=1)


def test_exported_records_equal_the_imported_ones(published, db, tmp_path):
    publish(published, 1, [FIRST, SECOND])
    publish(published, 10, [FIRST])
    publish(published, 1, [SECOND], "obj-detection_coco_map_FCOS")
    taken(db, published)
    assert exported(db, tmp_path / "back") == (4, [])
    assert contents(tmp_path / "back") == contents(published)


def test_epochs_with_the_same_prm_are_one_trial(published, db):
    for epoch in (1, 2, 3):
        publish(published, epoch, [FIRST | {"uid": f"{epoch}", "accuracy": 0.1 * epoch}, SECOND])
    taken(db, published)
    frame = data(db=db, with_curves=True)
    assert sorted(frame.groupby("trial")["epoch"].agg(list)) == [[1, 2, 3], [1, 2, 3]]
    assert frame[frame["duration"].notna()]["curve"].iloc[0] == {1: 0.1, 2: 0.2, 3: 0.1 * 3}


def test_with_equal_prms_the_faster_trial_is_faster_in_every_epoch(published, db):
    quick = [FIRST | {"duration": 10 * epoch, "accuracy": 0.9 - epoch / 10} for epoch in (1, 2)]
    slow = [FIRST | {"duration": 15 * epoch, "accuracy": 0.1 + epoch / 4} for epoch in (1, 2)]
    publish(published, 1, [quick[0], slow[0]])
    publish(published, 2, [slow[1], quick[1]])
    taken(db, published)
    durations = data(db=db).groupby("trial")["duration"].agg(list)
    assert sorted(durations) == [[10, 20], [15, 30]]


def test_an_archive_is_read_like_its_folder(published, db, tmp_path):
    publish(published, 1, [FIRST, SECOND])
    with zipfile.ZipFile(tmp_path / "stat.zip", "w") as archive:
        archive.write(published / PIPELINE / "1.json", f"stat/{PIPELINE}/1.json")
    assert taken(db, tmp_path / "stat.zip") == ImportReport(read=2, added=2)
    assert taken(db, published) == ImportReport(read=2, added=0)


def test_paths_that_leave_an_archive_are_not_followed(db, tmp_path):
    with zipfile.ZipFile(tmp_path / "stat.zip", "w") as archive:
        archive.writestr(f"../../{PIPELINE}/1.json", json.dumps([FIRST]))
        archive.writestr("/etc/passwd.json", json.dumps([FIRST]))
    report = taken(db, tmp_path / "stat.zip")
    assert (report.read, report.added) == (1, 1)
    assert [fault.place for fault in report.faults] == ["/etc/passwd.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.db", "stat.zip"]


def test_a_huge_archive_member_is_not_read(db, tmp_path):
    with zipfile.ZipFile(tmp_path / "stat.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{PIPELINE}/1.json", b" " * (65 * 2**20))
        archive.writestr(f"{PIPELINE}/2.json", json.dumps([FIRST]))
    report = taken(db, tmp_path / "stat.zip")
    assert report.added == 1
    assert report.faults == [(f"{PIPELINE}/1.json", "cannot be read: has more than 64 MiB")]


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        ("[{", ":1:3", "is not valid JSON: Expecting property name enclosed in double quotes"),
        ("{}", "", "expected a list of records"),
        ("[3]", ", record 1", "3: expected an object"),
        ('[{"lr": 1}]', ", record 1", "accuracy None: expected a number from 0 to 1"),
        ('[{"accuracy": NaN}]', ", record 1", "accuracy nan: expected a number from 0 to 1"),
        ('[{"accuracy": 1e400}]', ", record 1", "accuracy inf: expected a number from 0 to 1"),
        ('[{"accuracy": true}]', ", record 1", "accuracy True: expected a number from 0 to 1"),
        (
            '[{"accuracy": 0.5, "duration": 9223372036854775808}]',
            ", record 1",
            "duration 9223372036854775808: expected whole nanoseconds below 2**63",
        ),
        (
            '[{"accuracy": 0.5, "lr": Infinity}]',
            ", record 1",
            "contains NaN, an infinity or a value that JSON cannot hold",
        ),
    ],
)
def test_malformed_records_are_faults_and_the_others_are_imported(
    published, db, content, place, reason
):
    publish(published, 1, [FIRST])
    publish(published, 2, content)
    report = taken(db, published)
    assert (report.read, report.added) == (1, 1)
    assert report.faults == [(f"{PIPELINE}/2.json{place}", reason)]


@pytest.mark.parametrize(
    ("pipeline", "name", "reason"),
    [
        ("ResNet", "1", "its folder 'ResNet' is not named task_dataset_metric_net"),
        ("a_b__c", "1", "its folder 'a_b__c' is not named task_dataset_metric_net"),
        (PIPELINE, "0", "its name is not an epoch: expected 1.json, 2.json, ..."),
        (PIPELINE, "last", "its name is not an epoch: expected 1.json, 2.json, ..."),
    ],
)
def test_files_with_other_names_are_faults(published, db, pipeline, name, reason):
    publish(published, name, [FIRST], pipeline)
    assert taken(db, published) == ImportReport(faults=[(f"{pipeline}/{name}.json", reason)])


def test_characters_that_no_database_stores_are_exported_unchanged(published, db, tmp_path):
    odd = FIRST | {"transform": "nul \0", "note": "half \ud83d", "huge": 2**80, "uid": "\0"}
    publish(published, 1, [dict(sorted(odd.items()))])
    taken(db, published)
    exported(db, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(published)


def test_losses_and_hardware_of_newer_records_are_not_hyperparameters(published, db, tmp_path):
    newer = FIRST | {
        "train_loss": 0.5, "test_loss": 0.75, "gradient_norm": 1.5, "gpu_type": "RTX 4090",
        "samples_per_second": 321.0, "epoch_max": 5, "cpu_count": 8,
    }  # fmt: skip
    publish(published, 1, [dict(sorted(newer.items()))])
    taken(db, published)
    row = data(db=db, with_stats=True).iloc[0]
    assert sorted(row["prm"]) == ["batch", "lr", "momentum", "patch_size", "transform"]
    assert row["loss"] == 0.5
    assert row["extra"]["gpu_type"] == "RTX 4090"
    exported(db, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(published)


@pytest.fixture
def peers(tmp_path):
    """A database as LEMUR creates it."""
    file = tmp_path / "ab.nn.db"
    with sqlite3.connect(file) as connection:
        for table in ("nn", "metric", "transform"):
            connection.execute(f"create table {table} (name text primary key, code text, id text)")
        connection.execute("create table prm (uid text, name text, value object not null)")
        connection.execute(
            "create table stat (id text primary key, accuracy real, epoch integer,"
            " duration integer, task text, dataset text, metric text, nn text, transform text,"
            " prm text)"
        )
        connection.execute("insert into nn values ('ResNet', '# theirs', 'x')")
        prm = {name: FIRST[name] for name in ("batch", "lr", "momentum", "patch_size")}
        rows = [("a", name, value) for name, value in prm.items()]
        connection.executemany("insert into prm values (?, ?, ?)", rows)
        row = ("s1", 0.75, 3, 10**12, *PIPELINE.split("_"), "norm_64", "a")
        connection.execute(f"insert into stat values ({', '.join('?' * len(row))})", row)
    connection.close()
    return file


def test_lemurs_database_is_imported_with_its_code(peers, db):
    assert taken(db, peers) == ImportReport(read=1, added=1)
    row = data(db=db, with_stats=True).iloc[0]
    assert (row["nn"], row["nn_code"], row["epoch"]) == ("ResNet", "# theirs", 3)
    assert row["prm"] == {
        name: FIRST[name] for name in ("batch", "lr", "momentum", "patch_size", "transform")
    }
    assert taken(db, peers) == ImportReport(read=1, added=0)


def test_lemurs_database_and_its_files_hold_the_same_records(peers, published, db):
    # SQLite turns LEMUR's 8.0 into 8.
    publish(published, 3, [FIRST | {"patch_size": 8}])
    taken(db, published)
    assert taken(db, peers) == ImportReport(read=1, added=0)


def test_invalid_rows_of_lemurs_database_are_faults(peers, db):
    with sqlite3.connect(peers) as connection:
        connection.execute("update stat set accuracy = 'high'")
    connection.close()
    expected = (f"{peers}, stat s1", "accuracy 'high': expected a number from 0 to 1")
    assert taken(db, peers) == ImportReport(faults=[expected])


def test_a_place_in_another_format_is_refused(db, tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(SettingsError, match="note.txt: expected a LEMUR folder, zip "):
        taken(db, tmp_path / "note.txt")
    with pytest.raises(SettingsError, match="nowhere: there is no such file or folder"):
        taken(db, tmp_path / "nowhere")


def test_a_non_empty_folder_is_not_written_to(published, db):
    publish(published, 1, [FIRST])
    taken(db, published)
    with pytest.raises(StoreError, match="stat: is not empty; name another folder"):
        exported(db, published)


def test_a_name_that_would_leave_the_folder_is_left_out(peers, db, tmp_path):
    with sqlite3.connect(peers) as connection:
        connection.execute("update stat set nn = '../../../out'")
    connection.close()
    taken(db, peers)
    name = "img-classification_cifar-10_acc_../../../out"
    assert exported(db, tmp_path / "back") == (0, [name])
    assert list((tmp_path / "back").iterdir()) == []


STAT = Path(__file__).parents[3] / "shared" / "data" / "lemur" / "stat.zip"


@pytest.mark.skipif(not STAT.exists(), reason="the published records are not here")
def test_all_published_results_are_imported_and_exported(db, tmp_path):
    assert taken(db, STAT) == ImportReport(read=32424, added=32424)
    best = data(only_best_accuracy=True, db=db).groupby(["task", "dataset", "nn"])["accuracy"].max()
    coco = {net: round(score, 4) for (_, dataset, net), score in best.items() if dataset == "coco"}
    # From the tables that were published with the files.
    assert coco["UNet-1"] == 0.4494
    assert coco["FCN32s-1"] == 0.4386
    assert coco["FCN16s"] == 0.4365
    assert coco["LRASPP"] == 0.3810
    assert coco["FCOS"] == 0.7394
    assert coco["FasterRCNN"] == 0.6214
    assert coco["SSDLite"] == 0.3975
    assert coco["RetinaNet"] == 0.0922
    assert exported(db, tmp_path / "back") == (32424, [])
    with zipfile.ZipFile(STAT) as archive:
        files = {name.removeprefix("stat/"): archive.read(name) for name in archive.namelist()}
    back = tmp_path / "back"
    written = {str(file.relative_to(back)): file.read_bytes() for file in back.rglob("*.json")}
    assert {name: ranked(text) for name, text in written.items()} == {
        name: ranked(text) for name, text in files.items()
    }


def ranked(text):
    """Return the texts of a file's records in a fixed order."""
    records = json.loads(text)
    assert text.decode() == json.dumps(records, indent=4)
    assert [values["accuracy"] for values in records] == sorted(
        (values["accuracy"] for values in records), reverse=True
    )
    return sorted(json.dumps(values) for values in records)


@pytest.fixture
def many(published):
    for number in range(60):
        publish(published, number + 1, [FIRST, SECOND, "no record"])
    publish(published, 61, [FIRST | {"deep": json.loads("[" * 400 + "]" * 400)}])
    return published


@pytest.fixture
def processes(monkeypatch):
    """Always read in a separate process; return the processes that were started."""
    started = []

    def spawned(*arguments):
        started.append(spawn(*arguments))
        return started[-1]

    monkeypatch.setattr(ahead, "_FEW_FILES", 1)
    monkeypatch.setattr(ahead, "_SMALL_ARCHIVE", 1)
    monkeypatch.setattr(ahead, "spawn", spawned)
    return started


def test_another_process_reads_the_same_records(many, processes, tmp_path):
    archive = tmp_path / "stat.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in many.rglob("*.json"):
            file.write(path, path.relative_to(many))
    here = list(read_files(files_in(many)))
    assert list(ahead.read_ahead(many)) == list(ahead.read_ahead(archive)) == here
    assert len(here) == 61
    assert len(processes) == 2
    assert not any(spawned.process.is_alive() for spawned in processes)


def test_the_end_of_the_reading_process_is_reported(many, processes, monkeypatch):
    def ended(*arguments):
        spawned = spawn(*arguments)
        spawned.process.kill()
        return spawned

    monkeypatch.setattr(ahead, "spawn", ended)
    with pytest.raises(SettingsError, match="the process that read it was ended; try again"):
        list(ahead.read_ahead(many))


def test_the_reading_process_ends_with_its_reader(many, processes):
    reading = ahead.read_ahead(many)
    next(reading)
    reading.close()
    assert processes[0].process.exitcode is not None


def test_an_archive_that_another_process_cannot_read_is_refused(processes, tmp_path):
    (tmp_path / "stat.zip").write_text("no archive")
    with pytest.raises(SettingsError, match="expected a LEMUR folder, zip archive"):
        list(ahead.read_ahead(tmp_path / "stat.zip"))
    assert len(processes) == 1


def test_deeply_nested_records_are_imported_or_faults(published, db):
    deep = "[" * 900 + "]" * 900
    publish(published, 1, f'[{{"accuracy": 0.5, "deep": {deep}}}, {json.dumps(FIRST)}]')
    report = taken(db, published)
    assert report.added + len(report.faults) == 2
