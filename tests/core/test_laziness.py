import json

import pytest

HEAVY = {"numpy", "optuna", "pandas", "sqlalchemy", "torch", "torchvision"}

IMPORTED = """
import json, sys
from lemur_core.cli import main
sys.argv = ["lemur", *{arguments!r}]
try:
    main()
except SystemExit as exit:
    status = exit.code
print()
print(json.dumps([status, sorted(sys.modules)]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "net"],
        ["doctor", "--no-torch"],
        ["run", "--help"],
        ["run", "--dry-run"],
        ["run", "--net", "Nonet"],
    ],
    ids=" ".join,
)
def test_command_that_does_not_train_imports_no_large_library(python, arguments):
    status, modules = json.loads(
        python("-c", IMPORTED.format(arguments=arguments)).splitlines()[-1]
    )
    assert status == (2 if "Nonet" in arguments else 0)
    assert "lemur_toy.plugin" in modules or "--help" in arguments or "--version" in arguments
    assert not HEAVY & set(modules)


def test_importing_lemur_core_imports_no_large_library(python):
    modules = json.loads(
        python("-c", "import json, sys, lemur_core; print(json.dumps(sorted(sys.modules)))")
    )
    assert "lemur_core.errors" in modules
    assert not HEAVY & set(modules)


def test_recording_imports_no_framework(python):
    used = "lemur_core.recording, lemur_core.record, lemur_core.attach, lemur_core.collect"
    modules = json.loads(
        python("-c", f"import json, sys, lemur_core; {used}; print(json.dumps([*sys.modules]))")
    )
    assert "lemur_core.store.recording" in modules
    assert not {"numpy", "optuna", "pandas", "torch"} & set(modules)
