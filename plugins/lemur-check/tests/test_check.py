"""Verdicts on nets that are run, stored and found again."""

import importlib
import json
from dataclasses import replace

import psutil
import pytest

import lemur_core
from lemur_check.check import Checker, checker
from lemur_check.check_settings import CheckSettings
from lemur_check.conditions import Conditions
from lemur_check.reader import SourceReader
from lemur_check.sandbox import Limits
from lemur_check.verdict import Verdict
from lemur_check.verdict_store import VerdictStore
from lemur_check.verdicts import FACT
from lemur_core import installed
from lemur_core.code import code_hash
from lemur_core.code_facts import code_database
from lemur_core.errors import LemurError, SettingsError

FEW = CheckSettings(dataset="digits[samples=200]")


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return tmp_path_factory.mktemp("checked") / "lemur.db"


@pytest.fixture(scope="module")
def check(db):
    with checker(FEW, threads=1, db=db, no_walls=True) as checker_:
        yield checker_


def test_a_valid_net_gets_a_complete_verdict(check, source):
    verdict = check(source)
    assert (verdict.valid, verdict.reason, verdict.step) == (True, "", "epochs")
    # 8 x 9 + 8 of the convolution; 8 x 15 x 15 x 10 + 10 of the linear layer.
    assert verdict.parameters == 80 + 18_010
    assert verdict.multiply_adds == 8 * 9 * 15 * 15 + 18_000
    assert 0 <= verdict.validation <= 1
    assert 0 < verdict.score <= 1
    assert verdict.score_per_second == verdict.score / verdict.seconds
    assert verdict.prm["lr"] == pytest.approx(10**-2.5)
    assert verdict.name.startswith("net-")
    assert verdict.quality.complexity == 2
    assert verdict.novelty.duplicate_of is None
    assert verdict.novelty.nearest in {entry.name for _, entry in installed().entries("net")}


def test_the_score_equals_that_of_a_trial(check, source, tmp_path):
    verdict = check(source)
    file = tmp_path / "Small.py"
    file.write_text(source)
    db = tmp_path / "other.db"
    lemur_core.run(
        f"img-classification_{FEW.dataset}_acc", net=[str(file)], trials=1, epochs=1, seed=0,
        in_process=True, threads=1, db=str(db), transform=[verdict.prm["transform"]],
        prm={name: value for name, value in verdict.prm.items() if name != "transform"},
    )  # fmt: skip
    [row] = lemur_core.data(db=db, with_stats=True).to_dict("records")
    # The seeds differ, because the campaign draws one for each trial.
    assert abs(row["accuracy"] - verdict.score) < 0.5
    assert row["parameters"] == verdict.parameters


def test_a_stored_verdict_is_returned_without_running_the_net(check, db, source):
    assert check(source).valid
    registry = installed()
    with code_database(db) as database:
        settings, record, reader = (
            FEW.completed(registry),
            VerdictStore(database, {}),
            SourceReader(),
        )
        stored_check = Checker(settings, check._conditions, record, [_NoBox()], reader, registry)
        before = stored_check(source)
        assert before.valid
        with pytest.raises(RuntimeError, match="was run"):
            stored_check(source.replace("8, 3", "9, 3"))
        # Versions are part of a verdict's key.
        newer = Conditions(check._conditions.walls, versions={"torch": "0"})
        with pytest.raises(RuntimeError, match="was run"):
            Checker(settings, newer, record, [_NoBox()], reader, registry)(source)
        reader.close()


class _NoBox:
    not_enforced = ()

    def run(self, job):
        raise RuntimeError("was run")


def test_copies_and_near_copies_are_detected(check, source):
    first = check(source)
    copy = check(f"# The same.\n{source}", "Copy")
    assert copy.novelty.duplicate_of == first.name
    near = check(source.replace("stride=2", "stride=3"))
    assert near.novelty.duplicate_of is None
    assert near.novelty.similarity > 0.8
    assert near.name != first.name


@pytest.mark.parametrize(
    ("old", "new", "step", "reason", "line"),
    [
        ("import torch\n", "import torch\n1 / 0\n", "import", "ZeroDivisionError", True),
        ("import torch\n", "import torch\nraise SystemExit\n", "import", "SystemExit", True),
        ("nn.ReLU()", "nn.ReLU(1, 2)", "forward", "TypeError", True),
        ("nn.Flatten(),", "", "forward", "MisfitError: net 'net-", False),
        ("momentum=prm[", "momentum=-prm[", "batch", "ValueError: Invalid momentum value", True),
        ("self.optimizer.step()", "self.lost.step()", "batch", "AttributeError", True),
        ("cross_entropy(self(inputs), labels)", "relu(self(inputs)).sum() * float('nan')",
         "batch", "NotFiniteError: parameter", False),
        ("for inputs, labels in train_data:", "for labels, in train_data:",
         "batch", "ValueError: too many values to unpack", False),
        ('return {"lr", "momentum"}', "return 3", "import", "TypeError", False),
        ('return {"lr", "momentum"}', "return {'lr': 'no..range'}", "import", "SpaceError", False),
        ("nn.LazyLinear(out_shape[0])", "nn.LazyLinear(10**10)", "build", "MemoryError", False),
    ],
)  # fmt: skip
def test_each_failure_is_reported_with_its_step_and_line(
    check, source, old, new, step, reason, line
):
    assert source.count(old) == 1
    code = source.replace(old, new)
    verdict = check(code)
    assert not verdict.valid
    assert verdict.step == step
    assert verdict.reason.startswith(reason)
    if line:
        number = code[: code.index(new) + len(new.rstrip())].count("\n") + 1
        assert verdict.line == number


def test_verdicts_are_restored_from_their_facts(check, source):
    for verdict in (check(source), check("x ="), check(source.replace("relu", "x"))):
        assert Verdict.of(json.loads(json.dumps(verdict.facts()))) == verdict


def test_without_epochs_the_check_ends_after_a_batch(source):
    settings = CheckSettings(dataset=FEW.dataset, epochs=0)
    with checker(settings, threads=1, save=False, no_walls=True) as check:
        verdict = check(source)
    assert (verdict.valid, verdict.step, verdict.score) == (True, "batch", None)


def test_unknown_names_are_errors(source, tmp_path):
    for settings, message in (
        (CheckSettings(dataset="nowhere"), "unknown dataset 'nowhere'"),
        (CheckSettings(metric="none"), "unknown metric 'none'"),
        (CheckSettings(transform="nothing"), "unknown transform 'nothing'"),
    ):
        with pytest.raises(LemurError, match=message), checker(settings, save=False):
            pass
    with (
        checker(
            CheckSettings(dataset="cifar-10"), save=False, data=tmp_path, no_walls=True
        ) as check,
        pytest.raises(LemurError, match="lacks cifar-10-batches-py"),
    ):
        check(source)
    with pytest.raises(SettingsError, match="epochs is -1; expected 0 or more"):
        CheckSettings(epochs=-1)


def test_the_name_of_an_installed_net_is_refused(check, source):
    with pytest.raises(SettingsError, match="a net 'ResNet' with another source is installed"):
        check(source, "ResNet")
    with pytest.raises(LemurError, match="entry name '../x'"):
        check(source, "../x")


def test_a_checked_net_can_be_trained_by_its_name(check, source, db, monkeypatch):
    verdict = check(source, "My_Net")
    assert verdict.name == "My-Net"
    warned = []
    summary = lemur_core.run(
        "img-classification_digits_acc", net=["My-Net"], trials=1, epochs=1, in_process=True,
        db=str(db), watch=lambda event: warned.append(getattr(event, "message", "")),
    )  # fmt: skip
    assert summary.exit_status == 0
    how = "behind" if check._conditions.walls == "bubblewrap" else "without"
    assert f"net 'My-Net' was checked {how} walls; here it runs with your rights" in warned
    [code] = lemur_core.data(db=db, nn="My-Net")["nn_code"].unique()
    assert code == source


def test_verdicts_are_stored_in_the_database(check, source, db):
    verdict = check(source)
    key = FEW.completed(installed()).key(source, None, check._conditions)
    with code_database(db) as database:
        facts = database.run(lambda opened: opened.facts(FACT, [code_hash(source)]))
        [stored] = [fact.value for fact in facts if fact.value["asked"] == key]
        assert (stored["valid"], stored["facts"]["score"]) == (True, verdict.score)
        assert database.run(lambda opened: opened.texts([code_hash(source)])) == {
            code_hash(source): source
        }


BASE = "class B(BaseException):\n    {}\nraise B('own')\n"


@pytest.mark.parametrize(
    ("statements", "reason"),
    [
        ("raise KeyboardInterrupt('stop')\n", "KeyboardInterrupt: stop"),
        ("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n",
         "KeyboardInterrupt: "),
        (BASE.format("pass"), "B: own"),
        (BASE.format("def __str__(self): raise KeyboardInterrupt"),
         "B: (its text cannot be shown)"),
        (BASE.format("__notes__ = property(lambda self: 1 / 0)"), "B: own"),
        (BASE.format("__cause__ = property(lambda self: 1 / 0)"), "B: own"),
        ("class M(type): __name__ = property(lambda self: 1 / 0)\n"
         "class B(BaseException, metaclass=M): pass\nraise B('own')\n", "B: own"),
        ("import traceback\ntraceback.format_exception = traceback.extract_tb = None\n"
         "raise ValueError('own')\n", "ValueError: own"),
    ],
)  # fmt: skip
def test_any_exception_of_a_net_is_reported_as_the_reason(check, source, statements, reason):
    verdict = check(source.replace("import torch\n", f"import torch\n{statements}", 1))
    assert (verdict.step, verdict.reason, verdict.limit) == ("import", reason, "")


@pytest.fixture
def no_bubblewrap(monkeypatch):
    module = importlib.import_module("lemur_check.check")
    monkeypatch.setattr(module, "find_bubblewrap", lambda: None)


def test_without_bubblewrap_the_missing_restrictions_are_reported(source, no_bubblewrap):
    options = {"dataset": FEW.dataset, "epochs": 0, "save": False}
    with pytest.warns(UserWarning, match="without walls, which do not keep them from network"):
        verdict = lemur_core.check(source, no_walls=True, **options)
    assert verdict.valid
    assert "network" in verdict.not_enforced
    assert verdict.walls == "none"
    with pytest.raises(SettingsError, match="bubblewrap.*--trust.*--no-walls"):
        lemur_core.check(source, **options)


LEAVING = """
import os, time
os.makedirs("a/b")
os.chmod("a", 0)
if os.fork() == 0:
    os.setsid()
    os.fork()
    time.sleep(600)
raise RuntimeError("left")
"""


def test_without_bubblewrap_some_limits_are_enforced(source, doing, no_bubblewrap):
    # On a busy machine, filling the memory takes a while.
    limits = Limits(seconds=20, memory_bytes=2**31, scratch_bytes=2**24)
    with checker(FEW, limits=limits, threads=1, save=False, no_walls=True) as check:
        [box] = check._boxes.queue
        with pytest.MonkeyPatch.context() as patch:
            hasty = replace(box._sandbox, limits=replace(limits, seconds=2))
            patch.setattr(box, "_sandbox", hasty)
            assert check(doing("import time; time.sleep(600)")).reason == "took longer than 2 s"
        memory = check(doing("kept = []\nwhile True:\n    kept.append(b'x' * 2**26)"))
        assert "MemoryError" in memory.reason or "of memory; the limit is 2.00 GiB" in memory.reason
        file = check(doing("with open('big', 'wb') as file:\n    file.write(bytes(2**25))"))
        assert "File too large" in file.reason
        forks = check(doing("import os, time\nfor _ in range(99):\n    os.fork() or time.sleep(9)"))
        assert "more than 32 processes" in forks.reason or "of memory" in forks.reason
        assert check(source).valid
        assert check(doing(LEAVING)).reason == "RuntimeError: left"
        assert psutil.Process(box._process.pid).children(recursive=True) == []
        assert check(source).valid
        assert list(box._scratch.iterdir()) == []
    assert not box._scratch.exists()
