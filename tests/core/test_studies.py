"""Studies are opened in turn, and their data is dropped when they are over."""

from functools import partial

import pytest
from sqlalchemy import Engine, event

import lemur_core
from lemur_core import Entry, data
from lemur_core.errors import MissingDataError, SettingsError
from lemur_core.events import StudyStarted, TrialStarted
from lemur_core.train.data import Bundles

BLOBS = "img-classification_blobs_hits"
TASKS = ("img-classification",)
run = partial(lemur_core.run, in_process=True, threads=1, epochs=1, trials=1, checkpoint=False)


@pytest.fixture
def db(tmp_path):
    return str(tmp_path / "results.db")


@pytest.fixture
def reads():
    """Count the statements that read from a database."""
    counted = []

    def count(connection, cursor, statement, *others):
        if statement.lstrip().upper().startswith("SELECT"):
            counted.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    yield counted
    event.remove(Engine, "before_cursor_execute", count)


def test_each_study_adds_the_same_number_of_reads(tmp_path, reads):
    counts = []
    for number in (1, 3, 5):
        reads.clear()
        nets = [Entry(f"Net-{index}", "lemur_toy.nets.Linear", TASKS) for index in range(number)]
        run(BLOBS, entries=nets, transform="plain", db=str(tmp_path / f"{number}.db"))
        counts.append(len(reads))
    assert counts[2] - counts[1] == counts[1] - counts[0]
    assert counts[2] - counts[1] <= 2 * 8


@pytest.fixture
def bundles(monkeypatch):
    """Collect the data bundles of each campaign."""
    made, before = [], Bundles.__init__

    def watched(self, *arguments, **options):
        made.append(self)
        before(self, *arguments, **options)

    monkeypatch.setattr(Bundles, "__init__", watched)
    return made


@pytest.mark.parametrize("named", [True, False])
def test_only_data_that_a_study_needs_is_held(db, bundles, named):
    held = []

    def watch(event):
        if isinstance(event, TrialStarted):
            [bundle_cache] = bundles
            held.append([restriction for _, _, restriction in bundle_cache._built])

    dataset = "blobs" if named else "blob*"
    parts = [f"img-classification_{dataset}[samples={samples}]_hits_Linear" for samples in (8, 16)]
    run(*parts, db=db, watch=watch)
    assert held == [["[samples=8]"], ["[samples=16]"]]
    assert not bundles[0]._built


def test_a_study_starts_when_the_one_before_has_its_trials(db):
    seen = []
    nets = [Entry(f"Net-{index}", "lemur_toy.nets.Linear", TASKS) for index in range(2)]
    run(BLOBS, entries=nets, db=db, watch=seen.append)
    kinds = [
        type(event).__name__ for event in seen if isinstance(event, StudyStarted | TrialStarted)
    ]
    assert kinds == ["StudyStarted", "TrialStarted"] * 2


def test_data_that_is_missing_when_its_study_opens_is_left_out(db, tmp_path):
    summary = run("img-classification_{blobs,abs*}_hits_Linear", data=tmp_path, db=db)
    [left_out] = summary.left_out
    assert left_out.startswith("dataset 'absent': ")
    assert len(data(db=db)) == 1
    with pytest.raises(MissingDataError, match="^dataset 'absent': "):
        run("img-classification_abs*_hits_Linear", data=tmp_path, db=db)


def test_a_space_that_the_sampler_cannot_search_is_reported_before_training(db, tmp_path, toys):
    reals = tmp_path / "Reals.py"
    reals.write_text(toys.get("net", "Linear").source())
    seen = []
    with pytest.raises(SettingsError, match="^sampler 'Grid' tries each combination"):
        run(BLOBS, net=["Linear", str(reals)], sampler="Grid", lr=0.01, db=db, watch=seen.append)
    assert not seen
