"""Downloading data before any trial starts, and samples that cannot be decoded."""

import json
import pickle

import pytest
import torch
from sqlalchemy import select

from lemur_core import Entry, data, events
from lemur_core.campaign.run import campaign
from lemur_core.errors import CorruptSampleError, FetchError, MisfitError, MissingDataError
from lemur_core.reproduction.reproduce import reproduce
from lemur_core.settings import Settings
from lemur_core.store import schema
from lemur_core.store.database import open_engine
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.train.batches import batches
from lemur_core.train.corrupt import find_corrupt, leave_out
from lemur_core.trial import State

TASKS = ("img-classification",)


@pytest.fixture
def run_watched(toys, tmp_path):
    """Run a campaign on the datasets in files, in this process; return its summary and events."""
    targets = {"fetchable": "lemur_toy.files:fetchable", "damaged": "lemur_toy.files:damaged"}
    entries = [Entry(name, target, TASKS, size=4) for name, target in targets.items()]
    registry = toys.with_entries("files", "loader", entries)
    seen = []

    def run(pattern, **settings):
        defaults = {
            "patterns": pattern, "trials": 1, "epochs": 1, "transform": "plain",
            "in_process": True, "data": tmp_path, "db": str(tmp_path / "results.db"),
        }  # fmt: skip
        return campaign(Settings.of(defaults | settings), registry, seen.append), seen

    run.seen, run.registry = seen, registry
    return run


def fetched(seen):
    return [event for event in seen if isinstance(event, events.FileFetched)]


def test_missing_data_is_downloaded_before_the_campaign_starts(run_watched, tmp_path):
    summary, seen = run_watched("img-classification_fetchable_hits_{Linear,Tall}", download=True)
    assert {standing.pipeline for standing in summary.standings} == {
        "img-classification_fetchable_hits_Linear"
    }
    first = next(at for at, event in enumerate(seen) if isinstance(event, events.CampaignStarted))
    assert all(isinstance(event, events.FileFetched) for event in seen[:first])
    # Of 201 reports, the campaign passes on one per percent.
    assert [event.done for event in fetched(seen)] == list(range(0, 1001, 10))
    run_watched("img-classification_fetchable_hits_Linear", download=True, trials=-1)
    assert (tmp_path / "attempts").read_text() == "x"


def test_nothing_is_downloaded_without_request(run_watched, tmp_path):
    with pytest.raises(MissingDataError, match=f"^dataset 'fetchable': {tmp_path} lacks fetched"):
        run_watched("img-classification_fetchable_hits_Linear")
    assert not (tmp_path / "attempts").exists()


def test_a_failed_download_is_reported(run_watched, tmp_path):
    (tmp_path / "no-network").touch()
    with pytest.raises(FetchError) as caught:
        run_watched("img-classification_fetchable_hits", download=True)
    message = "dataset 'fetchable': http://nowhere/fetched.bin cannot be reached: no route"
    assert str(caught.value) == message
    assert (tmp_path / "attempts").read_text() == "x"


def test_a_wildcard_downloads_nothing(run_watched, tmp_path):
    summary, _ = run_watched("img-classification_{blobs,fetch*}_hits_*in*", download=True)
    [left_out] = summary.left_out
    assert left_out.startswith(f"dataset 'fetchable': {tmp_path} lacks fetched")
    assert not (tmp_path / "attempts").exists()
    assert {standing.pipeline for standing in summary.standings} == {
        "img-classification_blobs_hits_Linear"
    }


def test_a_dataset_without_download_reports_missing_files(run_watched):
    with pytest.raises(MissingDataError, match="^dataset 'absent': .* get it from nowhere$"):
        run_watched("img-classification_absent_hits_Linear", download=True)


DAMAGED = "img-classification_damaged_hits_Linear"


def test_a_corrupt_sample_is_an_error(run_watched, tmp_path):
    (tmp_path / "corrupt.txt").write_text("test/3")
    with pytest.raises(MisfitError) as caught:
        run_watched(DAMAGED)
    assert str(caught.value) == (
        "test/3 cannot be decoded: it is cut off; "
        "repair or remove it, or leave out corrupt files with --skip-corrupt"
    )
    # It is not tried again, as other trials would fail too.
    assert (
        len([event for event in run_watched.seen if isinstance(event, events.TrialFinished)]) == 1
    )


@pytest.mark.parametrize("in_process", [True, False])
def test_corrupt_samples_are_left_out_on_request(run_watched, tmp_path, in_process):
    (tmp_path / "corrupt.txt").write_text("train/1 train/5 test/0 test/9")
    summary, seen = run_watched(DAMAGED, skip_corrupt=True, in_process=in_process)
    assert summary.exit_status == 0
    assert len(data(db=tmp_path / "results.db")) == 1
    [warned] = [event.message for event in seen if isinstance(event, events.Warned)]
    assert summary.left_out == [warned]
    named = warned.removeprefix("dataset 'damaged': 4 files cannot be decoded, left out: ")
    assert named.endswith(" and 1 more")
    assert len(set(named.removesuffix(" and 1 more").split(", "))) == 3
    assert recorded(tmp_path).left_out == {"train": 2, "test": 2}


def recorded(folder):
    """The one trial that is recorded there."""
    with open_engine(folder / "results.db") as engine, engine.connect() as connection:
        return read_stored_trial(connection, connection.scalar(select(schema.trial.c.uid)))


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ("train/1 train/5 test/0", []),
        ("train/5", ["left out of test: 1 then, 0 now", "left out of train: 2 then, 1 now"]),
    ],
)
def test_a_trial_is_reproduced_without_corrupt_samples(run_watched, tmp_path, now, changed):
    (tmp_path / "corrupt.txt").write_text("train/1 train/5 test/0")
    run_watched(DAMAGED, skip_corrupt=True)
    (tmp_path / "corrupt.txt").write_text(now)
    again = reproduce(recorded(tmp_path), run_watched.registry, tmp_path)
    assert again.outcome.state is State.FINISHED
    assert again.changed == changed
    assert again.same == (not changed)


def test_left_out_samples_are_shown(run_watched, tmp_path, lemur):
    (tmp_path / "corrupt.txt").write_text("train/1 train/5 test/0")
    run_watched(DAMAGED, skip_corrupt=True)
    uid = recorded(tmp_path).facts["uid"]
    _, out, _ = lemur("show", "trial", uid, "--db", str(tmp_path / "results.db"))
    assert "left out    1 of test, which cannot be decoded\n" in out
    assert "left out    2 of train, which cannot be decoded\n" in out


def test_a_split_of_corrupt_samples_only_is_an_error(run_watched, tmp_path):
    (tmp_path / "corrupt.txt").write_text(" ".join(f"test/{index}" for index in range(16)))
    with pytest.raises(MissingDataError) as caught:
        run_watched(DAMAGED, skip_corrupt=True)
    assert str(caught.value) == (
        "dataset 'damaged': none of the 16 files of its test split can be decoded; "
        "test/0: it is cut off"
    )


def test_a_corrupt_file_does_not_change_the_validation_split(toys, tmp_path):
    from lemur_toy.files import damaged

    splits = []
    for corrupt in ("", "train/7 train/20"):
        (tmp_path / "corrupt.txt").write_text(corrupt)
        bundle = damaged(tmp_path, TASKS[0]).held_out()
        reduced = leave_out(bundle, find_corrupt(bundle, "damaged", print))
        splits.append(
            {split: indices(getattr(reduced, split)) for split in ("train", "validation")}
        )
    whole, others = splits
    assert others["validation"] == [index for index in whole["validation"] if index not in (7, 20)]
    assert others["train"] == [index for index in whole["train"] if index not in (7, 20)]


def indices(samples):
    """Return the indices of a subset's samples in the dataset."""
    if not hasattr(samples, "indices"):
        return list(range(len(samples)))
    inner = indices(samples.dataset)
    return [inner[index] for index in samples.indices]


def test_an_error_in_a_loader_process_keeps_its_text():
    error = pickle.loads(pickle.dumps(CorruptSampleError("a.png", "it is cut off")))
    assert (error.file, error.reason) == ("a.png", "it is cut off")

    class Images:
        def __len__(self):
            return 2_000

        def __getitem__(self, index):
            raise CorruptSampleError(f"{index}.png", "it is cut off")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        loaded = batches(Images(), torch.nn.Identity(), 4, torch.device("cpu"), training=False)
        with pytest.raises(CorruptSampleError, match="^0.png cannot be decoded: it is cut off; "):
            next(iter(loaded))
    finally:
        torch.set_num_threads(before)


def test_images_of_several_sizes_without_resizing_are_an_error():
    images = [(torch.zeros(3, 4, size, dtype=torch.uint8), 0) for size in (5, 6)]
    loaded = batches(images, torch.nn.Identity(), 2, torch.device("cpu"), training=False)
    with pytest.raises(MisfitError) as caught:
        list(loaded)
    assert str(caught.value) == (
        "images of several sizes, 3x4x5 and 3x4x6, make no batch; "
        "choose transforms that resize them"
    )


def shown(capsys, show):
    for done in (0, 10, 100, 110, 1000):
        show(events.FileFetched("set.zip", done * 1024, 1000 * 1024))
    return capsys.readouterr().out.splitlines()


def test_progress_is_a_line_per_tenth_in_a_pipe_and_an_object_for_programs(capsys):
    from lemur_core.cli.jsonl import JsonLines
    from lemur_core.cli.lines import Lines, Quiet

    assert shown(capsys, Lines()) == [
        "fetching set.zip: 0 B of 1000.0 KiB",
        "fetching set.zip: 100.0 KiB of 1000.0 KiB",
        "fetching set.zip: 1000.0 KiB of 1000.0 KiB",
    ]
    assert shown(capsys, Quiet()) == []
    first = {"event": "FileFetched", "file": "set.zip", "done": 0, "total": 1000 * 1024}
    assert json.loads(shown(capsys, JsonLines())[0]) == first


def test_progress_is_shown_beside_the_spinner_in_a_terminal():
    from io import StringIO

    from rich.console import Console

    from lemur_core.cli.live import Live

    console = Console(file=StringIO(), force_terminal=True, width=80)
    live = Live(console)
    live(events.FileFetched("set.zip", 5 * 2**20, 10 * 2**20))
    console.print(live._render())
    assert "fetching set.zip: 5.0 MiB of 10.0 MiB" in console.file.getvalue()
