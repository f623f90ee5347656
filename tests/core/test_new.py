import runpy
import subprocess
import sys

import pytest

from lemur_core.scaffold.package import KINDS


@pytest.fixture
def contract(tmp_path, monkeypatch):
    """Run the tests of packages in this folder in this process; return the tests and outcomes."""

    class Outcomes:
        def __init__(self):
            self.outcomes = {}

        def pytest_runtest_logreport(self, report):
            if report.when == "call" or report.failed:
                self.outcomes[report.nodeid.partition("/")[0], report.nodeid.split("::")[-1]] = (
                    report.outcome if report.passed else str(report.longrepr)
                )

    def run(*roots):
        for root in roots:
            monkeypatch.syspath_prepend(tmp_path / root)
        outcomes = Outcomes()
        quiet = ("-q", "--no-header", "-p", "no:cacheprovider", "-W", "error")
        apart = ("-c", "/dev/null", f"--rootdir={tmp_path}", "--import-mode=importlib")
        status = pytest.main(
            [*quiet, *apart, *(str(tmp_path / root) for root in roots)], [outcomes]
        )
        return status, outcomes.outcomes

    before = set(sys.modules)
    yield run
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            sys.modules.pop(name)


def test_a_plugin_of_each_kind_passes_its_contract_at_once(lemur, contract, tmp_path):
    for kind in KINDS:
        status, out, err = lemur("new", "plugin", f"far-{kind}", "--kind", kind)
        assert status == 0, err
        assert f"pip install -e 'lemur-far-{kind}[tests]'" in out
    roots = [f"lemur-far-{kind}" for kind in KINDS]
    status, outcomes = contract(*roots)
    assert [text for text in outcomes.values() if text != "passed"] == []
    assert status == 0
    for kind, root in zip(KINDS, roots, strict=True):
        rules = [rule for tested, rule in outcomes if tested == root]
        own = [rule for rule in rules if rule.startswith(f"test_{kind}_")]
        assert own, kind
        # The rules of other kinds have no entries to test.
        general = ("test_plugin_", "test_entry_", f"test_{kind}_")
        assert [rule for rule in rules if not rule.startswith(general)] == []


def test_without_a_kind_a_package_registers_a_net(lemur, tmp_path):
    status, out, _ = lemur("new", "plugin", "lemur-far-away")
    assert status == 0
    root = tmp_path / "lemur-far-away"
    assert (root / "lemur_far_away" / "nets" / "FarAwayNet.py").is_file()
    assert out.splitlines()[-1] == "  lemur run --net FarAwayNet --dataset digits --trials 1"


def test_kinds_are_joined_with_commas_or_repeated(lemur, contract, tmp_path):
    lemur("new", "plugin", "far-both", "--kind", "metric,tracker", "--kind", "importer,metric")
    status, outcomes = contract("lemur-far-both")
    assert status == 0
    rules = {rule for _, rule in outcomes}
    assert "test_metric_forgets_when_reset[far-both]" in rules
    assert "test_importer_reads_the_same_twice[far-both]" in rules
    assert "test_tracker_takes_a_campaign[far-both]" in rules
    assert not any(rule.startswith("test_net_") for rule in rules)


def test_a_tracker_that_raises_fails_its_contract(lemur, contract, tmp_path):
    lemur("new", "plugin", "far-off", "--kind", "tracker")
    module = tmp_path / "lemur-far-off" / "lemur_far_off" / "tracker.py"
    module.write_text(module.read_text().replace("epoch.number", "epoch.place"))
    status, outcomes = contract("lemur-far-off")
    assert status == 1
    rule = "test_tracker_takes_a_campaign[far-off]"
    assert "has no attribute 'place'" in outcomes["lemur-far-off", rule]


def test_an_importers_first_command_writes_a_file_that_it_reads(lemur, tmp_path):
    _, out, _ = lemur("new", "plugin", "far", "--kind", "importer")
    *_, write, read = out.splitlines()
    assert read == "  lemur db import curves.csv --format far:dataset=digits"
    subprocess.run(["sh", "-c", write], cwd=tmp_path, check=True)
    importer = runpy.run_path(str(tmp_path / "lemur-far" / "lemur_far" / "importer.py"))
    assert importer["recognises"](tmp_path / "curves.csv")
    records = list(importer["read"](tmp_path / "curves.csv"))
    assert [(record.epoch, record.accuracy) for record in records] == [(1, 0.5), (2, 0.75)]


def test_unknown_kind_is_rejected(lemur, tmp_path):
    status, _, err = lemur("new", "plugin", "tiny", "--kind", "metric,exportr")
    assert status == 2
    assert err == ("lemur: error: unknown kind 'exportr'. Did you mean 'exporter' or 'importer'?\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "kind"), [("best", "command"), ("jsonl", "exporter")])
def test_name_of_an_existing_entry_is_rejected(lemur, tmp_path, name, kind):
    status, _, err = lemur("new", "plugin", name, "--kind", kind)
    assert status == 2
    assert err == (
        f"lemur: error: plugin name {name!r}: a {kind} {name!r} is installed; choose another name\n"
    )
    assert not list(tmp_path.iterdir())


def test_existing_folder_is_never_written_to(lemur, tmp_path):
    (tmp_path / "lemur-tiny").mkdir()
    status, _, err = lemur("new", "plugin", "tiny")
    assert status == 2
    assert err == (
        "lemur: error: 'lemur-tiny' cannot be created: File exists; "
        "choose another name or --folder\n"
    )
    assert not list((tmp_path / "lemur-tiny").iterdir())


@pytest.mark.parametrize("name", ["Tiny", "a b", "1st", "a_b", "a-"])
def test_invalid_distribution_name_is_rejected(lemur, name):
    status, _, err = lemur("new", "plugin", name)
    assert status == 2
    assert err == (
        f"lemur: error: plugin name {name!r}: expected lower-case letters and digits, "
        "starting with a letter, in parts joined by -\n"
    )


def test_name_of_an_installed_package_is_rejected(lemur, tmp_path):
    status, _, err = lemur("new", "plugin", "core")
    assert status == 2
    assert err == (
        "lemur: error: plugin name 'core': a package lemur_core is installed; choose another name\n"
    )
    assert not list(tmp_path.iterdir())
