"""No trial has two owners, whatever happens to clocks, hosts and processes."""

import copy
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from lemur_core.composition import compose
from lemur_core.pattern import Pattern
from lemur_core.store.writing import holders, holding
from lemur_core.store.writing.lease import HEARTBEAT_S, LEASE_S
from lemur_core.store.writing.owner import has_ended, this_process
from lemur_core.store.writing.writer import TrialLostError, Writer
from lemur_core.trial import Epoch, Outcome, State, Trial

OWNING, TOYS = Path(__file__).with_name("owning.py"), Path(__file__).with_name("toys")
LINEAR = "img-classification_blobs_hits_Linear"
FINISHED = Outcome(State.FINISHED, ())
PATH = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
# Measured by the database's clock, which keeps running.
A_LEASE = pytest.approx(LEASE_S, abs=20)


class Clock:
    """A clock of one process, set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def pipeline(toys):
    return compose(toys, [Pattern.parse(LINEAR)])[0]


@pytest.fixture
def owner(engine):
    """The writer whose trials are watched."""
    return Writer(engine, {}, patience_s=0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def other(engine, clock):
    """A writer that watches the trials of others, with its own clock."""
    writer = Writer(engine, {}, patience_s=0)
    writer.holding.holders = holders.Holders(clock)
    return writer


def trial(pipeline, number=1):
    return Trial(pipeline, number, {"lr": 0.1 * number, "batch": 16, "transform": "plain"}, 7, 3)


def epoch(number):
    return Epoch(number, 0.5, 0.75, 0.25, number * 10**10)


def rows(db, query):
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(query).fetchall()


def execute(db, statement, *values):
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(statement, values)


def past_of(writer, pipeline, number=1):
    return next(past for past in writer.past(pipeline, 3) if past.number == number)


def free_in_s(writer, pipeline, number=1):
    return writer.holder(past_of(writer, pipeline, number), 60).free_in_s


def watch(writer, clock, seconds, every_s=HEARTBEAT_S, *, meanwhile=lambda: None):
    """Look repeatedly for a number of seconds."""
    until = clock.now + seconds
    while clock.now < until:
        clock.now += every_s
        meanwhile()
        writer.holding.beat()


def take_over(writer, clock, pipeline, number=1):
    past = past_of(writer, pipeline, number)
    writer.holder(past, 60)
    watch(writer, clock, LEASE_S)
    assert writer.claim(past, {})


# The heartbeat ---------------------------------------------------------------------------------


def test_a_trial_is_free_after_its_owner_was_silent_for_a_lease(owner, other, clock, pipeline):
    owner.begin(trial(pipeline))
    assert free_in_s(other, pipeline) == A_LEASE
    watch(other, clock, LEASE_S - HEARTBEAT_S)
    assert free_in_s(other, pipeline) == HEARTBEAT_S
    watch(other, clock, HEARTBEAT_S)
    assert free_in_s(other, pipeline) == 0
    assert owner.holder(past_of(owner, pipeline), 60) is None


@pytest.mark.parametrize("sign_of_life", ["beat", "record", "beat that was seen"])
def test_an_owner_that_shows_a_sign_of_life_keeps_its_trial(
    owner, other, clock, pipeline, sign_of_life
):
    trial_id = owner.begin(trial(pipeline))
    free_in_s(other, pipeline)
    watch(other, clock, LEASE_S)
    past = past_of(other, pipeline)
    # By the last look it is free; then its owner shows a sign of life.
    assert other.holder(past, 60).free_in_s == 0
    if sign_of_life == "record":
        owner.record(trial_id, epoch(1))
    else:
        owner.holding.beat()
    if sign_of_life == "beat that was seen":
        other.holding.beat()
    assert not other.claim(past, {})
    assert free_in_s(other, pipeline) == A_LEASE
    owner.record(trial_id, epoch(2))


@pytest.mark.parametrize("step", ["+5 hours", "-5 hours"])
def test_no_clock_change_frees_a_trial_whose_owner_lives(db, owner, other, clock, pipeline, step):
    owner.begin(trial(pipeline))
    free_in_s(other, pipeline)
    set_back = f"strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{step}')"

    def beat():
        owner.holding.beat()
        execute(db, f"update owner set seen = {set_back}")

    watch(other, clock, 2 * LEASE_S, meanwhile=beat)
    assert free_in_s(other, pipeline) > 0


@pytest.mark.parametrize(
    ("seen", "wait_s"), [("+5 hours", LEASE_S), ("-5 hours", 15.0), ("+0 hours", A_LEASE)]
)
def test_no_clock_change_holds_a_trial_whose_owner_died(
    db, owner, other, clock, pipeline, seen, wait_s
):
    owner.begin(trial(pipeline))
    execute(db, f"update owner set seen = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{seen}')")
    assert free_in_s(other, pipeline) == wait_s
    watch(other, clock, LEASE_S if wait_s == A_LEASE else wait_s)
    assert free_in_s(other, pipeline) == 0


def test_time_without_looking_does_not_count(owner, other, clock, pipeline):
    """As on a machine that was suspended together with its heartbeats."""
    owner.begin(trial(pipeline))
    free_in_s(other, pipeline)
    watch(other, clock, 3600, every_s=3600)
    assert free_in_s(other, pipeline) >= LEASE_S - 3 * HEARTBEAT_S


def test_heartbeats_are_written_while_nothing_else_is(db, engine, pipeline, monkeypatch):
    monkeypatch.setattr(holding, "HEARTBEAT_S", 0.02)
    writer = Writer(engine, {})
    writer.begin(trial(pipeline))
    [(before,)] = rows(db, "select beat from owner")
    until = time.monotonic() + 60
    while rows(db, "select beat from owner") == [(before,)]:
        assert time.monotonic() < until
        time.sleep(0.02)
    writer.close()
    assert rows(db, "select beat from owner") == [("",)]


def test_a_closed_writer_gives_up_its_trials(owner, other, pipeline):
    owner.begin(trial(pipeline))
    owner.close()
    assert free_in_s(other, pipeline) == 0
    assert other.claim(past_of(other, pipeline), {})


def test_no_heartbeat_is_written_while_the_database_is_unavailable(db, owner, pipeline):
    trial_id = owner.begin(trial(pipeline))
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        owner.holding.beat()
        owner.record(trial_id, epoch(1))
        connection.execute("rollback")
    owner.record(trial_id, epoch(2))
    assert rows(db, "select epoch from stat") == [(1,), (2,)]


# Losing a lease --------------------------------------------------------------------------------


def test_a_writer_that_lost_a_trial_writes_nothing_to_it(db, owner, other, clock, pipeline):
    trial_id = owner.begin(trial(pipeline))
    owner.record(trial_id, epoch(1))
    take_over(other, clock, pipeline)
    lost = {
        "record": lambda: owner.record(trial_id, epoch(2)),
        "record_facts": lambda: owner.record_facts(trial_id, {"depth": 4}),
        "finish": lambda: owner.finish(trial_id, FINISHED),
    }
    for write in lost.values():
        with pytest.raises(TrialLostError, match="^taken over by a campaign on host "):
            write()
    owner.forget_data(trial_id)
    assert rows(db, "select epoch from stat") == [(1,)]
    assert rows(db, "select * from fact") == []
    assert rows(db, "select state, owner from trial") == [("running", other.owner)]
    other.record(trial_id, epoch(2))
    other.finish(trial_id, FINISHED)
    with pytest.raises(TrialLostError):
        owner.record(trial_id, epoch(3))


def test_a_writer_that_lost_a_trial_keeps_the_trials_that_nobody_took(
    db, owner, other, clock, pipeline
):
    first, second = (owner.begin(trial(pipeline, number)) for number in (1, 2))
    before = owner.owner
    take_over(other, clock, pipeline)
    owner.record(second, epoch(1))
    assert owner.owner != before
    assert rows(db, "select owner from trial where number = 2") == [(owner.owner,)]
    owner.finish(second, FINISHED)
    with pytest.raises(TrialLostError):
        owner.record(first, epoch(1))
    third = owner.begin(trial(pipeline, 3))
    owner.record(third, epoch(1))
    assert rows(db, "select number from stat join trial on id = trial_id") == [(2,), (3,)]


def test_a_heartbeat_alone_keeps_the_trials_that_nobody_took(db, owner, other, clock, pipeline):
    for number in (1, 2):
        owner.begin(trial(pipeline, number))
    take_over(other, clock, pipeline)
    owner.holding.beat()
    assert rows(db, "select owner from trial") == [(other.owner,), (owner.owner,)]
    owner.record(2, epoch(1))
    with pytest.raises(TrialLostError):
        owner.record(1, epoch(1))


def test_only_one_of_two_writers_takes_over(db, owner, other, clock, engine, pipeline):
    owner.begin(trial(pipeline))
    third = Writer(engine, {}, patience_s=0)
    third.holding.holders = holders.Holders(clock)
    past = past_of(other, pipeline)
    for writer in (other, third):
        writer.holder(past, 60)
    watch(other, clock, LEASE_S, meanwhile=third.holding.beat)
    third.holding.beat()
    assert [other.claim(past, {}), third.claim(past, {})] == [True, False]
    assert rows(db, "select owner from trial") == [(other.owner,)]
    # It holds the trial by its own heartbeat.
    assert free_in_s(third, pipeline) == A_LEASE


@pytest.mark.parametrize("first", ["original", "copy"])
def test_only_one_copy_of_a_process_continues(db, owner, pipeline, first):
    """As after `os.fork`, or if a machine is copied from a snapshot."""
    trial_id = owner.begin(trial(pipeline))
    twin = copy.copy(owner)
    twin.holding = copy.copy(owner.holding)
    twin.holding._lease = copy.copy(owner.holding._lease)
    twin.holding._owners = dict(owner.holding._owners)
    first_writer, late = (owner, twin) if first == "original" else (twin, owner)
    first_writer.record(trial_id, epoch(1))
    with pytest.raises(TrialLostError):
        late.record(trial_id, epoch(1))
    first_writer.record(trial_id, epoch(2))
    assert late.owner != first_writer.owner
    another = late.begin(trial(pipeline, 2))
    late.record(another, epoch(1))
    assert rows(db, "select number, epoch from stat join trial on id = trial_id") == [
        (1, 1), (1, 2), (2, 1),
    ]  # fmt: skip


def test_waiting_records_of_a_lost_trial_are_kept_separately(
    db, owner, other, clock, engine, pipeline
):
    first, second = (owner.begin(trial(pipeline, number)) for number in (1, 2))
    take_over(other, clock, pipeline)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("begin exclusive")
        for trial_id in (first, second):
            owner.record(trial_id, epoch(1))
        owner.finish(first, FINISHED)
        connection.execute("rollback")
    owner.holding.beat()
    owner.record(second, epoch(2))
    assert rows(db, "select number, epoch from stat join trial on id = trial_id") == [
        (2, 1), (2, 2),
    ]  # fmt: skip
    assert rows(db, "select state from trial") == [("running",), ("running",)]
    [line] = Path(f"{db}-unwritten.jsonl.superseded").read_text().splitlines()
    assert '"number":1' in line


def test_held_trials_are_shown(db, owner, pipeline, lemur):
    owner.begin(trial(pipeline))
    execute(db, "update owner set host = 'alpha', seen = '2020-01-01T00:00:00+00:00'")
    _, info, _ = lemur("db", "info", "--db", db)
    assert "\nheld        1 trial by host alpha, last seen " in info
    status, out, errors = lemur("run", LINEAR, "--dry-run", "--db", db)
    assert (status, out) == (0, f"{LINEAR}\n")
    assert "\n1 trial is held by host alpha, last seen " in errors
    raises = LINEAR.replace("Linear", "Raises")
    assert "held" not in lemur("run", raises, "--dry-run", "--db", db)[2]
    owner.close()
    _, info, _ = lemur("db", "info", "--db", db)
    assert "held        1 trial by a campaign, last seen 0.0 s ago, which has ended" in info
    assert "held" not in lemur("run", LINEAR, "--dry-run", "--db", db)[2]


# Processes -------------------------------------------------------------------------------------


def start(*arguments, inside=()):
    """Start a process that starts trials and records epochs on request."""
    return subprocess.Popen(
        [*inside, sys.executable, str(OWNING), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TOYS), *PATH])},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def tell(process, line):
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.fixture
def container():
    """The command that runs another one under another host name and process namespace."""
    bwrap = shutil.which("bwrap")
    command = [bwrap, "--dev-bind", "/", "/", "--proc", "/proc", "--unshare-pid", "--unshare-uts"]
    command += ["--hostname", "alpha", "--die-with-parent"]
    if bwrap is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("bubblewrap cannot make namespaces here")
    return command


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere, the lease alone says")
def test_a_process_has_ended_when_it_is_gone_and_not_before():
    command = [sys.executable, "-S", "-c", "input()"]
    machine = this_process().partition(" ")[0]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            name = f"{machine} {process.pid} {stat[19]}"
            assert not has_ended(this_process())
            assert not has_ended(name)
            assert has_ended(f"{machine} {process.pid} {int(stat[19]) - 1}")
        finally:
            process.kill()
        # The process is dead, although its parent has not waited for it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(name)
    assert has_ended(name)
    for elsewhere in ("", f"0123456789abcdef {process.pid} 1", "host 1", f"{machine} x 1"):
        assert not has_ended(elsewhere)


def test_a_killed_process_is_recognised_at_once_on_its_machine(db, other, pipeline):
    with start(db, 1) as process:
        assert process.stdout.readline() == "begun\n"
        assert free_in_s(other, pipeline) > 0
        process.kill()
    if sys.platform.startswith("linux"):
        other.holding.beat()
        assert free_in_s(other, pipeline) == 0
        assert other.claim(past_of(other, pipeline), {})


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be stopped here")
def test_a_suspended_process_loses_trials_taken_over_and_keeps_the_others(
    db, other, clock, pipeline
):
    with start(db, 2) as process:
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGSTOP)
        take_over(other, clock, pipeline)
        other.record(1, epoch(1))
        os.kill(process.pid, signal.SIGCONT)
        tell(process, "1 1")
        assert process.stdout.readline().startswith("lost: taken over by a campaign on host ")
        tell(process, "2 1")
        assert process.stdout.readline() == "recorded\n"
        process.communicate()
    assert rows(db, "select trial_id, epoch from stat") == [(1, 1), (2, 1)]


def test_a_trial_of_a_killed_container_is_taken_over_in_another(
    db, other, clock, pipeline, container
):
    """In containers, all campaigns have process id 2, and no process can be seen to have ended."""
    with start(db, 1, inside=container) as process:
        assert process.stdout.readline() == "begun\n"
        holder = other.holder(past_of(other, pipeline), 60)
        assert (holder.host, holder.free_in_s) == ("alpha", A_LEASE)
        [(number,)] = rows(db, "select process from owner")
        assert number.split()[1] == "2"
        process.kill()
    other.holding.beat()
    assert free_in_s(other, pipeline) == A_LEASE
    assert not has_ended(number)
    take_over(other, clock, pipeline)
