"""CrossedWires' tables: their statistics, and their import into a database and back."""

import csv
import io

import pytest

import lemur_core
from lemur_analysis.importers import crossedwires as importer
from lemur_analysis.pairs import (
    bottom,
    extremes,
    of_collections,
    read_pairs,
    shares,
    summary,
    top,
)
from lemur_core.cli import cli
from lemur_core.errors import SettingsError, UnknownNameError
from lemur_core.kinds.importer import EpochRecord, Fault

HEADER = ",".join(importer.COLUMNS)
ROWS = (
    "x1,0.5,10,0.1,20,0.100000002,0.100000001,4.17E-10",
    "x2,1E-08,1000,1E-08,1,0.25,0.75,0.5",
    "x3,0.5,32,0.01,5,0.5,0.25,0.25",
)


@pytest.fixture
def run():
    from click.testing import CliRunner

    def call(*arguments):
        done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        return done.exit_code, done.output

    return call


@pytest.fixture
def place(tmp_path):
    def write(*rows, name="vgg16.csv", header=HEADER):
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def test_published_statistics_are_reproduced(crossedwires):
    expected = {
        "vgg16": (4.17e-10, 0.681519, 0.08434, 0.1228, 237, 6),
        "resnet50": (1.37e-4, 0.452, 0.0418, 0.0779, 181, 1),
    }
    for name, (least, most, median, mean, above, ties) in expected.items():
        [row] = summary(crossedwires[name]).to_dict("records")
        assert (row["pairs"], row["failed"], row["above"]) == (400, 0, above)
        assert row["min"] == pytest.approx(least, rel=2e-3)
        assert row["max"] == pytest.approx(most, abs=2e-5)
        assert (row["median"], row["mean"]) == pytest.approx((median, mean), abs=5e-5)
        assert bottom(crossedwires[name], 1)["ties"].tolist() == [ties] * ties
        assert shares(crossedwires[name], thresholds=[0.05])["above"].tolist() == [above]


def test_published_extremes_are_reproduced(crossedwires):
    expected = {
        "vgg16": [(0.0959, 0.7856), (0.1, 0.7961)],
        "resnet50": [(0.0978, 0.6995), (0.0493, 0.6713)],
    }
    for name, bounds in expected.items():
        rows = extremes(crossedwires[name])
        assert [tuple(row) for row in rows[["min", "max"]].round(4).values.tolist()] == bounds


def test_the_greatest_differences_are_those_of_the_files(crossedwires):
    assert top(crossedwires["vgg16"])["Name"].tolist() == [
        "dual_train_5e67eae2", "dual_train_1295910a", "dual_train_27594472",
    ]  # fmt: skip


def test_pairs_come_back_from_a_database_as_they_were(place, run, tmp_path):
    path, db = place(*ROWS), tmp_path / "lemur.db"
    assert run("db", "import", path, "--db", db) == (
        0,
        f"{path}: 6 records imported, 0 already present\n"
        "12 facts, 0 artefacts, 1 collection and 6 members imported\n",
    )
    result = of_collections(db=db)
    expected = [
        (
            row["Name"], float(row["adam_epsilon"]), int(row["batch_size"]),
            float(row["learning_rate"]), int(row["epochs"]), float(row["pt_test_acc"]),
            float(row["tf_test_acc"]), float(row["accuracy_diff"]),
        )
        for row in csv.DictReader(io.StringIO("\n".join([HEADER, *ROWS])))
    ]  # fmt: skip
    columns = [
        "name", "prm.adam_epsilon", "prm.batch", "prm.lr", "prm.epochs", "accuracy.pytorch",
        "accuracy.tensorflow", "difference",
    ]  # fmt: skip
    assert [tuple(row) for row in result[columns].itertuples(index=False)] == expected
    assert result["nets"].unique().tolist() == ["VGG16-PyTorch, VGG16-TensorFlow"]
    assert read_pairs(result).hyperparameters == (
        "prm.adam_epsilon", "prm.batch", "prm.epochs", "prm.lr",
    )  # fmt: skip


def test_importing_pairs_again_changes_nothing(place, run, tmp_path):
    path, db = place(*ROWS), tmp_path / "lemur.db"
    run("db", "import", path, "--db", db)
    before = of_collections(db=db)
    assert run("db", "import", path, "--db", db) == (
        0, f"{path}: 0 records imported, 6 already present\n",
    )  # fmt: skip
    assert of_collections(db=db).equals(before)


def test_rows_of_data_are_also_pairs(place, run, tmp_path):
    db = tmp_path / "lemur.db"
    run("db", "import", place(*ROWS), "--db", db)
    rows = lemur_core.data(collection="crossedwires-VGG16", db=db)
    assert summary(rows)["max"].tolist() == [0.5]


def test_figures_of_a_collection_are_drawn_by_the_command(place, run, tmp_path):
    db, out = tmp_path / "lemur.db", tmp_path / "figures"
    run("db", "import", place(*ROWS), "--db", db)
    collection = ("--collection", "crossedwires-VGG16")
    status, text = run("plot", "pair-densities", *collection, "--db", db, "--out", out)
    assert (status, text) == (0, f"wrote {out / 'pair-densities.svg'}\n")
    status, text = run("plot", "pair-densities", "--db", db, "--out", out)
    assert status == 1
    assert "no pairs: select a collection of pairs, for example with --collection" in text


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,0.5,10,0.1,20,1.5,0.1,1.4", "pt_test_acc 1.5: expected a number from 0 to 1"),
        ("x,0.5,10,0.1,20,nan,0.1,nan", "pt_test_acc nan: expected a number from 0 to 1"),
        ("x,0.5,10,0.1,20,,0.1,", "could not convert string to float: ''"),
        ("x,0.5,ten,0.1,20,0.5,0.1,0.4", "invalid literal for int() with base 10: 'ten'"),
        (",0.5,10,0.1,20,0.5,0.1,0.4", "the pair has no name"),
        ("x,0.5,10,0.1,20,0.5,0.1,0.3", "accuracy_diff is 0.3, but the scores differ by 0.4"),
        (
            "x,inf,10,0.1,20,0.5,0.1,0.4",
            "hyperparameters {'adam_epsilon': inf, 'batch': 10, 'epochs': 20, 'lr': 0.1}: expected "
            "finite numbers, and an epoch",
        ),
        ("x,0.5", "float() argument must be a string or a real number, not 'NoneType'"),
    ],
)
def test_an_invalid_row_is_a_fault_and_the_others_are_imported(place, row, reason):
    path = place(ROWS[0], row, ROWS[1])
    result = list(importer.read(path))
    assert [item for item in result if isinstance(item, Fault)] == [Fault(f"{path}:3", reason)]
    records = [item for item in result if isinstance(item, EpochRecord)]
    assert [(record.nn, record.trial) for record in records] == [
        ("VGG16-PyTorch", "x1"), ("VGG16-PyTorch", "x2"),
        ("VGG16-TensorFlow", "x1"), ("VGG16-TensorFlow", "x2"),
    ]  # fmt: skip


def test_a_net_can_be_named(place):
    records = list(importer.read(place(ROWS[0], name="my_net.csv")))
    assert records[0].nn == "my-net-PyTorch"
    assert next(iter(importer.read(place(ROWS[0]), net="VGG", dataset="mnist"))).dataset == "mnist"


def test_another_table_is_refused(place):
    path = place("1,2", header="a,b")
    with pytest.raises(SettingsError) as caught:
        list(importer.read(path))
    assert str(caught.value) == f"{path}: the first line is not {HEADER}"


def recorded(db, net, number, accuracy, state="finished", **prm):
    """Record a training of some epochs and return its trial."""
    pipeline = f"img-classification_toy_acc_{net}"
    uid = ""
    try:
        with lemur_core.recording(pipeline, prm | {"n": number}, code=net, db=db) as trial:
            uid = trial.uid
            for score in accuracy:
                trial.epoch(validation=0.5, accuracy=score)
            if state == "failed":
                raise RuntimeError("out of memory")
    except RuntimeError:
        pass
    return uid


def test_custom_pairs_are_read(tmp_path):
    db = tmp_path / "lemur.db"
    dense = [recorded(db, "Dense", n, [0.125, 0.25 * n], lr=0.1) for n in (1, 2)]
    sparse = [
        recorded(db, "Sparse", 1, [0.5, 0.75], lr=0.2),
        recorded(db, "Sparse", 2, [0.5], "failed", lr=0.1),
    ]
    lemur_core.collect("twins", {"dense": dense, "sparse": sparse}, kind="pair", db=db)
    lemur_core.collect("others", dense, kind="zoo", db=db)
    result = of_collections(db=db)
    assert result["accuracy.dense"].tolist() == [0.25, 0.5]
    assert result["accuracy.sparse"].fillna(-1).tolist() == [0.75, -1]
    assert result["difference"].fillna(-1).tolist() == [0.5, -1]
    assert result["state.sparse"].tolist() == ["finished", "failed"]
    # lr differs in the first pair, and is equal in the second.
    assert result["prm.lr.dense"].tolist() == [0.1, 0.1]
    assert result["prm.lr.sparse"].tolist() == [0.2, 0.1]
    assert read_pairs(result).hyperparameters == ("prm.lr.dense", "prm.lr.sparse", "prm.n")
    [row] = summary(result).to_dict("records")
    assert (row["pairs"], row["failed"], row["nets"]) == (2, 1, "Dense, Sparse")


def test_a_training_without_an_epoch_has_failed(tmp_path):
    db = tmp_path / "lemur.db"
    dense = recorded(db, "Dense", 1, [0.25])
    sparse = recorded(db, "Sparse", 1, [], "failed")
    lemur_core.collect("twins", {"dense": dense, "sparse": sparse}, kind="pair", db=db)
    [row] = summary(of_collections("twins", db=db)).to_dict("records")
    assert (row["pairs"], row["complete"], row["failed"]) == (1, 0, 1)
    more = [
        [
            recorded(db, net, n, scores, "failed" if not scores else "")
            for net in ("Dense", "Sparse")
        ]
        for n, scores in ((2, [0.5]), (3, []))
    ]
    dense, sparse = zip(*more, strict=True)
    lemur_core.collect("twins", {"dense": dense, "sparse": sparse}, db=db)
    [row] = summary(of_collections("twins", db=db)).to_dict("records")
    assert (row["pairs"], row["complete"], row["failed"]) == (3, 1, 2)
    assert row["nets"] == "Dense, Sparse"


def test_collections_without_pairs_are_refused(tmp_path):
    db = tmp_path / "lemur.db"
    first, second = recorded(db, "Dense", 1, [0.25]), recorded(db, "Dense", 2, [0.5])
    with pytest.raises(SettingsError) as caught:
        of_collections(db=db)
    assert str(caught.value) == (
        f"{db} has no collection of the kind 'pair'; lemur_core.collect(name, {{role: trials, "
        "role: trials}, kind='pair') makes one"
    )
    lemur_core.collect("zoo", [first], db=db)
    lemur_core.collect("uneven", {"a": [first, second], "b": [second]}, db=db)
    with pytest.raises(SettingsError) as caught:
        of_collections("zoo", db=db)
    assert str(caught.value) == (
        "collection 'zoo': pairs have members of two roles; its roles are member"
    )
    with pytest.raises(SettingsError) as caught:
        of_collections(["uneven"], db=db)
    assert str(caught.value) == (
        "collection 'uneven': position 1 has a member of one role only; give each role as many "
        "members"
    )
    with pytest.raises(UnknownNameError):
        of_collections("none", db=db)
