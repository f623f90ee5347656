"""The contract fails each bad plugin for the rule that it breaks, and for nothing else."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

BAD = Path(__file__).parents[1] / "bad_plugins"
NO_FILES = "override prepare_data() to write the files it reads, small and in their real format"
SCORES = (
    "metric_gives_the_score_computed_by_hand",
    "metric_is_the_same_however_it_is_batched",
    "metric_forgets_when_reset",
)
NETS = (
    "net_says_its_hyperparameters",
    "net_gives_its_tasks_shape",
    "net_gives_every_parameter_a_finite_gradient",
    "net_learns",
    "net_comes_back_from_its_state",
    "net_is_built_the_same_from_the_same_seed",
    "net_is_scored_the_same_twice",
    "net_reads_what_it_declares",
)

# The rule that a plugin breaks; the tests that fail; what the last of them says.
BROKEN = {
    "raises_at_import": (["plugin_is_taken"], "RuntimeError: no luck"),
    "misspelt_hook": (["plugin_is_taken"], "unknown hook 'lemur_register_networks'"),
    "missing_target": (
        ["plugin_is_taken"],
        "entry 'Bad': there is no module 'lemur_bad.things.nowhere'",
    ),
    "registers_nothing": (["plugin_registers_something"], "registers nothing; implement one of"),
    "heavy_import": (["plugin_is_light"], "lemur_bad.heavy_import imports numpy, torch"),
    "nothing_to_say": (["entry_says_what_it_is"], "command 'bad': lemur list has nothing to say"),
    "missing_attribute": (
        ["entry_target_resolves", "estimator_can_be_called"],
        "'bad': lemur_bad.things.commands has no 'nothing'",
    ),
    "no_command": (
        ["command_is_clicks"],
        "lemur_bad.things.commands:bad is function; expected a click.Command",
    ),
    "wrong_shape": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': maps (1, 1, 32, 32) to (1, 10, 1); expected (1, 10)",
    ),
    "frozen_parameter": (
        ["net_gives_every_parameter_a_finite_gradient"],
        "net 'Bad': parameter unused has no gradient; use it in forward(), or leave it out",
    ),
    "infinite_gradient": (
        ["net_gives_every_parameter_a_finite_gradient"],
        "net 'Bad': the gradient of linear.bias is not finite",
    ),
    "learns_nothing": (["net_learns"], "net 'Bad': learn() changes no parameter"),
    "infinite_loss": (["net_learns"], "net 'Bad': learn() gives inf; expected None, a finite"),
    "state_elsewhere": (
        ["net_comes_back_from_its_state"],
        "net 'Bad': its state does not bring it back; hold what it learns in parameters or buffers",
    ),
    "seed_of_its_own": (
        ["net_is_built_the_same_from_the_same_seed"],
        "net 'Bad': linear.bias differs after the same torch.manual_seed",
    ),
    "differs_when_scored_again": (
        ["net_is_scored_the_same_twice"],
        "net 'Bad': in eval() it gives different outputs for the same inputs",
    ),
    "undeclared_hyperparameter": (
        ["net_learns", "net_comes_back_from_its_state", "net_reads_what_it_declares"],
        "net 'Bad': reads the hyperparameter 'gain' and does not declare it",
    ),
    "unread_hyperparameter": (
        ["net_reads_what_it_declares"],
        "net 'Bad': declares depth and never reads it, so that a search over it is in vain",
    ),
    "unreadable_range": (NETS, "lr=1..0: runs backwards; expected the smaller number first"),
    "unseeded_split": (
        ["loader_gives_the_same_twice"],
        "] differs when loaded again; seed what it draws",
    ),
    "broken_promise": (
        ["loader_promises_hold"],
        "loader 'bad', train: images are (8, 8); its entry promises (28, 28)",
    ),
    "target_out_of_range": (
        ["loader_promises_hold"],
        "loader 'bad', train: target 2; expected 0 to 1",
    ),
    "silent_about_files": (
        ["loader_says_which_data_is_missing"],
        "loader 'bad': the error does not say that the files are missing",
    ),
    "no_data_prepared": (["loader_promises_hold", "loader_gives_the_same_twice"], NO_FILES),
    "alters_input": (["transform_leaves_its_input_alone"], "transform 'bad': alters its input"),
    "random_in_eval": (
        ["transform_draws_nothing_when_scoring"],
        "transform 'bad': is random in eval(); draw in training only",
    ),
    "wrong_dtype": (
        ["transform_gives_what_nets_are_fed"],
        "transform 'bad': gives torch.float64; expected float32",
    ),
    "ignores_the_seed": (
        ["transform_draws_from_the_global_seed"],
        "transform 'bad': differs after the same torch.manual_seed",
    ),
    "wrong_score": (SCORES, "it gives 0.250000; expected 0.500000"),
    "last_batch_only": (
        ["metric_is_the_same_however_it_is_batched"],
        "metric 'bad': one sample at a time it gives 0.000000; expected 0.500000",
    ),
    "never_forgets": (["metric_forgets_when_reset"], "metric 'bad': after a reset it gives"),
    "no_case": (SCORES, "metric 'bad' has no case: add metric_cases = "),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Run the contract on all bad plugins at once; give each one's failures, test to text."""
    path = tmp_path_factory.mktemp("contract") / "report.xml"
    environment = os.environ | {"PYTHONPATH": str(BAD)}
    command = [sys.executable, "-m", "pytest", str(BAD / "contracts.py"), f"--junitxml={path}"]
    subprocess.run([*command, "-q"], env=environment, capture_output=True, check=False)
    failures = {}
    for case in ElementTree.parse(path).iter("testcase"):
        rule = case.get("classname").rpartition("Test_")[2]
        test = case.get("name").partition("[")[0].removeprefix("test_")
        failed = failures.setdefault(rule, {})
        for failure in case.iter("failure"):
            failed[test] = failure.get("message") + failure.text
    return failures


def test_every_bad_plugin_is_in_the_table():
    files = {file.stem for file in (BAD / "lemur_bad").glob("[!_]*.py")}
    assert files == set(BROKEN)


@pytest.mark.parametrize("rule", BROKEN)
def test_a_bad_plugin_fails_the_rule_that_it_breaks(report, rule):
    tests, message = BROKEN[rule]
    failed = report[rule]
    assert set(failed) == set(tests)
    assert message in failed[tests[-1]]
