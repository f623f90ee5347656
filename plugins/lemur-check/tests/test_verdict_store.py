"""Which verdicts are stored, and when nets are checked again."""

from contextlib import contextmanager

import pytest

from lemur_check import verdict_store
from lemur_check.check import Checker
from lemur_check.check_settings import CheckSettings
from lemur_check.conditions import Conditions
from lemur_check.names import NameTakenError
from lemur_check.reader import SourceReader
from lemur_check.run_result import Cause, RunResult
from lemur_check.sandbox import Limits
from lemur_check.verdict_store import VerdictStore
from lemur_check.verdicts import FACT
from lemur_core import installed
from lemur_core.code_facts import code_database
from lemur_core.search.found_nets import with_found_nets

SETTINGS = CheckSettings("img-classification", "digits", "acc", epochs=0)
DONE = RunResult(
    ['{"step": "import"}', '{"step": "build"}', '{"step": "forward"}', '{"step": "batch"}',
     '{"done": true}']
)  # fmt: skip


class FakeBox:
    """Returns a given result without running anything."""

    not_enforced = ()

    def __init__(self):
        self.result, self.runs = DONE, 0

    def run(self, job):
        self.runs += 1
        return self.result


@pytest.fixture(scope="module")
def reader():
    source_reader = SourceReader()
    yield source_reader
    source_reader.close()


@pytest.fixture
def box():
    return FakeBox()


@pytest.fixture
def checking(tmp_path, box, reader):
    """Return a context manager that yields a checker with the test's own database."""

    @contextmanager
    def make(limits=Limits(), walls="bubblewrap", **options):  # noqa: B008
        with code_database(tmp_path / "lemur.db", create=True) as database:
            store = VerdictStore(database, {})
            conditions = Conditions(walls, limits)
            yield Checker(SETTINGS, conditions, store, [box], reader, installed(), **options)

    return make


@pytest.mark.parametrize(
    ("cause", "same", "greater"),
    [
        (Cause.TIME, {"memory_bytes": 2**40}, {"seconds": 11}),
        (Cause.MEMORY, {"seconds": 99}, {"memory_bytes": 101}),
        (Cause.LOST, {}, {"seconds": 11}),
        (Cause.LOST, {"seconds": 9}, {"memory_bytes": 101}),
    ],
)
def test_a_net_that_a_limit_ended_is_checked_again_with_a_greater_one(
    checking, box, source, cause, same, greater
):
    few = {"seconds": 10, "memory_bytes": 100}
    box.result = RunResult([], "was ended", cause)
    with checking(Limits(**few)) as check:
        assert check(source).limit == cause.value
    with checking(Limits(**{**few, **same})) as check:
        assert check(source).reason == "was ended"
    assert box.runs == 1
    with checking(Limits(**{**few, **greater})) as check:
        box.result = DONE
        assert check(source).valid
    assert box.runs == 2
    # A verdict that is not due to a limit holds with any limits.
    for limits in (Limits(**few), Limits(seconds=1), Limits(seconds=10**6)):
        with checking(limits) as check:
            assert check(source).valid
    assert box.runs == 2


def test_a_nets_own_fault_is_stored_whatever_the_limits_are(checking, box, source):
    box.result = RunResult(['{"failed": "ValueError: no"}'])
    for seconds in (1, 100):
        with checking(Limits(seconds=seconds)) as check:
            assert check(source).reason == "ValueError: no"
    assert box.runs == 1


def test_trust_and_again_repeat_the_check_and_keep_all_verdicts(checking, box, source, tmp_path):
    box.result = RunResult(['{"failed": "ValueError: no"}'])
    for options in ({}, {"walls": "trust"}, {"walls": "none"}, {"again": True}, {}):
        with checking(**options) as check:
            assert not check(source).valid
    assert box.runs == 4
    with code_database(tmp_path / "lemur.db") as database:
        assert len(database.run(lambda opened: opened.facts(FACT))) == 4


def test_another_version_repeats_the_check(checking, box, source, monkeypatch):
    for torch in ("2.15.0", "2.16.0", "2.16.0"):
        monkeypatch.setattr(f"{Conditions.__module__}.version", lambda name, torch=torch: torch)
        with checking() as check:
            assert check(source).versions["torch"] == torch
    assert box.runs == 2


@pytest.mark.parametrize("facts", [{}, {"from": "a later version"}])
def test_an_unreadable_verdict_is_checked_again(checking, box, source, monkeypatch, facts):
    with checking() as check:
        check(source)
    read = verdict_store.find_verdicts
    monkeypatch.setattr(
        verdict_store,
        "find_verdicts",
        lambda *arguments: [verdict | facts if facts else {} for verdict in read(*arguments)],
    )
    with checking() as check:
        assert check(source).valid
    assert box.runs == 2


def test_the_last_verdict_is_returned(checking, box, source):
    box.result = RunResult(['{"failed": "ValueError: no"}'])
    with checking() as check:
        check(source)
    box.result = DONE
    with checking(again=True) as check:
        assert check(source).valid
    with checking() as check:
        assert check(source).valid


def test_the_name_of_another_source_is_only_taken_over_if_requested(checking, box, source):
    other, third = f"{source}# other\n", f"{source}# third\n"
    box.result = RunResult(['{"failed": "ValueError: no"}'])
    with checking() as check:
        # An invalid net does not own its name.
        assert not check(third, "Mine").valid
        box.result = DONE
        assert check(source, "Mine").valid
        with pytest.raises(NameTakenError) as raised:
            check(other, "Mine")
        assert str(raised.value) == (
            "net 'Mine' is another source in the database; choose another name, or --replace it"
        )
        assert box.runs == 2
        assert check(source, "Mine").valid
        assert check(other, "Other").valid
    with checking(replace=True) as check:
        assert check(other, "Mine").valid
    with checking() as check:
        with pytest.raises(NameTakenError):
            check(source, "Mine")
        assert check(other, "Mine").valid
    runs = box.runs
    with checking(replace=True) as check:
        # It was found valid before, and gets its name back.
        assert check(source, "Mine").valid
    with checking() as check:
        assert check(source, "Mine").valid
        with pytest.raises(NameTakenError):
            check(other, "Mine")
    assert box.runs == runs


def test_a_name_that_another_process_took_meanwhile_is_refused(checking, box, source):
    with checking() as first, checking() as second:
        assert first._store.owners("Mine") == []
        second._store.owners = lambda name: []
        assert first(source, "Mine").valid
        with pytest.raises(NameTakenError):
            second(f"{source}# other\n", "Mine")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "N" * 300,
            "net name 'NNNNNNNNNNNNNNNNNNNN...': has 300 characters; at most 200 are allowed",
        ),
        ("a\x1b[2J", "net name 'a\\x1b[2J': contains a control character"),
        ("\ud800", "net name '\\ud800': contains a control character"),
    ],
)
def test_names_that_no_file_can_have_are_refused(checking, box, source, name, message):
    with checking() as check, pytest.raises(NameTakenError) as raised:
        check(source, name)
    assert str(raised.value) == message
    assert box.runs == 0


@pytest.mark.parametrize(
    ("walls", "how"),
    [
        (["bubblewrap"], "checked behind walls"), (["none", "bubblewrap"], "checked behind walls"),
        (["trust"], "checked without walls"), (["trust", "none"], "checked without walls"),
        (["", "trust"], "checked, with or without walls"),
    ],
)  # fmt: skip
def test_the_entry_summary_says_how_a_net_was_checked(checking, tmp_path, source, walls, how):
    for walls_of_check in walls:
        with checking(walls=walls_of_check) as check:
            assert check(source, "Mine").valid
    _, entry = next(
        entry
        for entry in with_found_nets(["Mine"], str(tmp_path / "lemur.db"), installed()).entries(
            "net"
        )
        if entry[1].name == "Mine"
    )
    assert entry.summary == how
