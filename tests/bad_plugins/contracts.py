"""The contract tests of each bad plugin, which the core's tests run in a separate process."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from lemur_core.testing import PluginContract

OUTPUTS, TARGETS = [[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 1]
HALF_RIGHT = {"bad": [(OUTPUTS, TARGETS, 0.5)]}
# The metrics without a case, or with one that no correct metric can meet.
CASES = {"no_case": {}, "above_one": {"bad": [(OUTPUTS, TARGETS, 2.0)]}}

# Runs each program that it is sent in a fork, which has imported as little as a new interpreter.
FORKING = """
import json, os, sys
import lemur_core.registry

for line in sys.stdin:
    code, arguments, *files = json.loads(line)
    if os.fork() == 0:
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["-c", *arguments]
        exec(code, {"__name__": "__main__"})
        sys.exit()
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""


@pytest.fixture(scope="session", autouse=True)
def forked_listings(tmp_path_factory):
    """Starting an interpreter to list each plugin would take half the time of these tests."""
    files = [tmp_path_factory.mktemp("listings") / name for name in ("output", "errors")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", FORKING]

    def run(command, **more):
        assert command[:2] == [sys.executable, "-c"]
        print(json.dumps([command[2], command[3:], *map(str, files)]), file=forking.stdin)
        forking.stdin.flush()
        status = int(forking.stdout.readline())
        return subprocess.CompletedProcess(command, status, *(file.read_text() for file in files))

    with (
        subprocess.Popen(command, env=environment, text=True, **pipes) as forking,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("lemur_core.testing.plugin.subprocess", types.SimpleNamespace(run=run))
        yield


def prepare_data(self, loader, folder):
    if loader.target.endswith("silent_about_files"):
        (folder / "there").touch()


def importer_place(self, importer, folder):
    place = folder / "bad.scores"
    place.write_text("0.5 0.75")
    return place


for file in sorted(Path(__file__).with_name("lemur_bad").glob("[!_]*.py")):
    rule = file.stem
    globals()[f"Test_{rule}"] = type(
        f"Test_{rule}",
        (PluginContract,),
        {
            "plugin": f"lemur_bad.{rule}",
            "metric_cases": CASES.get(rule, HALF_RIGHT),
            "prepare_data": prepare_data,
        }
        # The author has not written any.
        | ({} if rule == "no_place" else {"importer_place": importer_place}),
    )
