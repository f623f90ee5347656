"""The contract tests fail each bad plugin for the rule that it breaks, and for no other rule."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from lemur_core import Entry
from lemur_core.entry import entry_of_file
from lemur_core.testing import PluginContract

BAD = Path(__file__).parents[1] / "bad_plugins"
# A net that breaks no rule, to which tests add members that change one thing.
NET = '''"""A linear layer."""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


class Linear(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.linear = nn.Linear(in_shape[1], *out_shape)

    def forward(self, images):
        return self.linear(images.mean((2, 3)))


class Net(Linear):
'''
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
    "net_takes_the_values_that_it_declares",
    "net_is_compiled_whole",
    "net_is_exported",
)

TASKS = (
    "task_is_one",
    "task_finds_no_fault_in_its_own_batch",
    "task_with_columns_has_rows",
    "task_drawer_can_be_called",
)
ESTIMATORS = (
    "estimator_needs_nothing_but_what_is_known",
    "estimator_says_something_sensible_of_any_curve",
    "estimator_says_the_same_of_the_same",
    "estimator_is_told_of_no_losses",
    "estimator_refuses_what_is_no_score",
)

# For each plugin, named after the rule that it breaks: the failing tests, and a part of the message
# of the last one.
BROKEN = {
    "raises_at_import": (["plugin_is_taken"], "RuntimeError: no luck"),
    "misspelt_hook": (["plugin_is_taken"], "unknown hook 'lemur_register_networks'"),
    "missing_target": (
        ["plugin_is_taken"],
        "entry 'Bad': there is no module 'lemur_bad.things.nowhere'",
    ),
    "registers_nothing": (["plugin_registers_something"], "registers nothing; implement one of"),
    "hook_of_losses": (
        ["hook_takes_a_campaign"],
        "TypeError: unsupported format string passed to NoneType.__format__",
    ),
    "hook_of_no_facts": (
        ["hook_returns_facts_and_leaves_the_net_as_it_is"],
        "fact 'weights'",
    ),
    "hook_that_trains": (
        ["hook_returns_facts_and_leaves_the_net_as_it_is"],
        "lemur_epoch_trained changes the net's weight",
    ),
    "tracker_asks_for_more": (
        [
            "tracker_needs_no_options",
            "tracker_takes_a_campaign",
            "tracker_writes_nothing_until_it_is_started",
        ],
        "tracker 'bad': its option 'file' has no default that is a bool, int, float or str",
    ),
    "tracker_of_losses": (
        ["tracker_takes_a_campaign"],
        "TypeError: unsupported format string passed to NoneType.__format__",
    ),
    "tracker_writes_at_once": (
        ["tracker_writes_nothing_until_it_is_started"],
        "tracker 'bad': writes bad.log before it is started",
    ),
    "heavy_import": (["plugin_is_light"], "lemur_bad.heavy_import imports numpy, torch"),
    "needs_others_imports": (["plugin_is_light"], "cannot be listed in a separate process:"),
    "differs_when_listed_again": (
        ["plugin_lists_the_same_twice"],
        "lists command 'bad-2' when asked again, and not command 'bad-1'; hooks have no side",
    ),
    "nothing_to_say": (["entry_says_what_it_is"], "command 'bad': lemur list has nothing to say"),
    "missing_attribute": (
        ["entry_target_resolves", "estimator_can_be_called", *ESTIMATORS],
        "'bad': lemur_bad.things.commands has no 'nothing'",
    ),
    "no_command": (
        ["command_is_clicks"],
        "lemur_bad.things.commands:bad is function; expected a click.Command",
    ),
    "no_view": (
        ["view_is_clicks"],
        "view 'bad': lemur_bad.things.commands:bad is function; expected a click.Command",
    ),
    "estimator_of_nothing": (
        ["estimator_can_be_called", *ESTIMATORS],
        "estimator 'bad': its target cannot be called",
    ),
    "estimator_asks_for_more": (
        ESTIMATORS,
        "estimator 'bad': its option 'offset' has no default that is a bool, int, float or str",
    ),
    "predicts_above_one": (
        ["estimator_says_something_sensible_of_any_curve", "estimator_is_told_of_no_losses"],
        "score is 1.",
    ),
    "predicts_at_random": (
        ["estimator_says_the_same_of_the_same"],
        "estimator 'bad': gives other estimates for the same scores",
    ),
    "needs_losses": (
        ["estimator_is_told_of_no_losses"],
        "unsupported operand type(s) for *: 'float' and 'NoneType'",
    ),
    "takes_percent": (
        ["estimator_refuses_what_is_no_score"],
        "DID NOT RAISE",
    ),
    "exporter_of_nothing": (
        [
            "exporter_needs_nothing_but_results",
            "exporter_writes_results",
            "exporter_can_be_called",
        ],
        "exporter 'bad': cannot be called",
    ),
    "exporter_asks_for_more": (
        ["exporter_writes_results", "exporter_needs_nothing_but_results"],
        "exporter 'bad': its option 'theme' has no default that is a bool, int, float or str",
    ),
    "exporter_needs_rows": (
        ["exporter_writes_results"],
        "exporter 'bad' failed: IndexError: single positional indexer is out-of-bounds",
    ),
    "exporter_writes_nothing": (["exporter_writes_results"], "exporter 'bad' wrote no some"),
    "importer_without_read": (
        ["importer_reads_the_same_twice", "importer_reads_its_own"],
        "importer 'bad': has no function read(place)",
    ),
    "importer_of_anything": (
        ["importer_recognises_nothing_else"],
        "importer 'bad': recognises empty, which is not in its format",
    ),
    "importer_of_no_place": (
        ["importer_recognises_its_own"],
        "importer 'bad': does not recognise bad.scores, which is in its format",
    ),
    "importer_of_percent": (
        ["importer_reads_the_same_twice", "importer_reads_its_own"],
        "record 1: accuracy 50.0: expected a number from 0 to 1",
    ),
    "importer_at_random": (
        ["importer_reads_the_same_twice"],
        "importer 'bad': yields other records when it reads bad.scores again",
    ),
    "no_place": (
        [
            "importer_recognises_its_own",
            "importer_reads_its_own",
            "importer_reads_the_same_twice",
        ],
        "importer 'bad': override importer_place() to write a few records",
    ),
    "wrong_shape": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': maps (1, 1, 32, 32) to (1, 10, 1); expected (1, 10)",
    ),
    "frozen_parameter": (
        ["net_gives_every_parameter_a_finite_gradient"],
        "net 'Bad': parameter unused has no gradient; use it in forward(), or remove it",
    ),
    "infinite_gradient": (
        ["net_gives_every_parameter_a_finite_gradient"],
        "net 'Bad': the gradient of linear.bias is not finite",
    ),
    "learns_nothing": (["net_learns"], "net 'Bad': learn() changes no parameter"),
    "infinite_loss": (["net_learns"], "net 'Bad': learn() gives inf; expected None, a finite"),
    "state_elsewhere": (
        ["net_comes_back_from_its_state"],
        "net 'Bad': gives other outputs after load_state_dict(); keep everything that it learns in",
    ),
    "seed_of_its_own": (
        ["net_is_built_the_same_from_the_same_seed"],
        "net 'Bad': linear.bias differs after the same torch.manual_seed",
    ),
    "branches_on_values": (
        ["net_is_exported", "net_is_compiled_whole"],
        "Data-dependent branching",
    ),
    "differs_when_scored_again": (
        ["net_is_compiled_whole", "net_is_exported", "net_is_scored_the_same_twice"],
        "net 'Bad': in eval() it gives different outputs for the same inputs",
    ),
    "drops_out_when_scored": (
        ["net_is_scored_the_same_twice"],
        "net 'Bad': in eval() it gives different outputs for the same inputs",
    ),
    "undeclared_hyperparameter": (
        [
            "net_learns",
            "net_comes_back_from_its_state",
            "net_takes_the_values_that_it_declares",
            "net_reads_what_it_declares",
        ],
        "net 'Bad': reads the hyperparameter 'gain' and does not declare it",
    ),
    "unread_hyperparameter": (
        ["net_reads_what_it_declares"],
        "net 'Bad': declares depth but never reads it; searching it would have no effect",
    ),
    "some_widths_only": (
        ["net_takes_the_values_that_it_declares"],
        "and fails with it: ValueError: embed_dim must be divisible by num_heads",
    ),
    "wide_in_the_middle": (
        ["net_takes_the_values_that_it_declares"],
        "net 'Bad': declares stride=2 and fails with it: AssertionError: net 'Bad': "
        "maps (2, 3, 32, 32) to (2, 10, 1); expected (2, 10)",
    ),
    "no_such_activation": (
        ["net_takes_the_values_that_it_declares"],
        "net 'Bad': declares activation=swich and fails with it: AttributeError: ",
    ),
    "no_such_optimizer": (["net_takes_the_values_that_it_declares"], "declares lr="),
    "overflows_when_large": (
        ["net_takes_the_values_that_it_declares"],
        "net 'Bad': declares gain=1e+30 and fails with it: AssertionError: net 'Bad': the gradient",
    ),
    "unreadable_range": (NETS, "lr=1..0: runs backwards; expected the smaller number first"),
    "no_batch_for_its_task": (
        NETS[1:],
        "net 'Bad' serves txt-generation; override batch() to define its batches",
    ),
    "finds_in_all_at_once": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': gives dict; expected a list, a dictionary for each image",
    ),
    "finds_in_some": (["net_gives_its_tasks_shape"], "net 'Bad': 1 outputs for 2 images"),
    "finds_pairs": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': the objects of an image are a tuple; expected a dictionary",
    ),
    "finds_without_scores": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': the objects of an image have no scores",
    ),
    "finds_more_boxes_than_labels": (
        ["net_gives_its_tasks_shape"],
        "boxes torch.float32 (2, 4) for 1 labels; expected torch.float32 (1, 4)",
    ),
    "finds_outside": (["net_gives_its_tasks_shape"], " in an image of 32x32; expected left, top"),
    "finds_by_centre": (["net_gives_its_tasks_shape"], " in an image of 32x32; expected left, top"),
    "finds_unknown_class": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': labels [10]; expected 0 to 9",
    ),
    "finds_more_than_surely": (
        ["net_gives_its_tasks_shape"],
        "net 'Bad': a score is not in 0 to 1: tensor([1.",
    ),
    "no_losses": (
        ["net_gives_every_parameter_a_finite_gradient"],
        "net 'Bad': in training it gives list for images and targets; expected a dictionary",
    ),
    "unlearned_score": (
        ["net_gives_every_parameter_a_finite_gradient"],
        "net 'Bad': parameter score.weight has no gradient; use it in its losses, or remove it",
    ),
    "finds_at_random": (
        [
            "net_comes_back_from_its_state",
            "net_is_compiled_whole",
            "net_is_exported",
            "net_is_scored_the_same_twice",
        ],
        "net 'Bad': in eval() it gives different outputs for the same inputs",
    ),
    "losses_elsewhere": (
        ["net_comes_back_from_its_state"],
        "net 'Bad': gives other outputs after load_state_dict(); keep everything that it learns in",
    ),
    "unseeded_split": (
        ["loader_gives_the_same_twice"],
        "] differs when loaded again; use a fixed seed for random numbers",
    ),
    "broken_promise": (
        ["loader_promises_hold"],
        "loader 'bad', train: images are (8, 8); its entry promises (28, 28)",
    ),
    "box_outside": (
        ["loader_promises_hold"],
        "train: boxes [[0.0, 0.0, 4.0, 4.0], [2.0, 2.0, 9.0, 7.0]] in an image of 8x8; expected",
    ),
    "box_of_no_width": (
        ["loader_promises_hold"],
        "a box without width or height: [[0.0, 0.0, 4.0, 4.0], [2.0, 2.0, 2.0, 7.0]]; leave out",
    ),
    "whole_numbers_for_boxes": (
        ["loader_promises_hold"],
        "boxes torch.int64 (2, 4) for 2 labels; expected torch.float32 (2, 4)",
    ),
    "label_of_the_background": (
        ["loader_promises_hold"],
        "loader 'bad', train: labels [1, 0]; expected 1 to 2",
    ),
    "nameless_image": (
        ["loader_promises_hold"],
        "loader 'bad', train: a target has no image_id, an int",
    ),
    "masks_of_another_size": (
        ["loader_promises_hold"],
        "masks torch.uint8 (2, 4, 4); expected torch.uint8 (2, 8, 8)",
    ),
    "empty_split": (["loader_promises_hold"], "loader 'bad': test is empty"),
    "target_out_of_range": (
        ["loader_promises_hold"],
        "loader 'bad', train: target 2; expected 0 to 1",
    ),
    "impossible_chance": (["loader_promises_hold"], "loader 'bad': chance is 34.0"),
    "float_images": (
        ["loader_promises_hold"],
        "loader 'bad', train: images are torch.float32; expected uint8",
    ),
    "flat_images": (
        ["loader_promises_hold"],
        "loader 'bad', train: images are (8, 8); expected (C, H, W)",
    ),
    "normalised_as_colour": (
        ["loader_promises_hold"],
        "loader 'bad', train: 1 channels, but normalisation of 3",
    ),
    "no_spread": (
        ["loader_promises_hold"],
        "loader 'bad', train: a standard deviation is not above 0: (0.0,)",
    ),
    "one_more_each_time": (["loader_gives_the_same_twice"], "loader 'bad': train has "),
    "silent_about_files": (
        ["loader_says_which_data_is_missing"],
        "loader 'bad': the error does not say that the files are missing",
    ),
    "no_data_prepared": (
        [
            "loader_promises_hold",
            "loader_names_files_that_are_there",
            "loader_makes_the_same_batch_twice",
            "loader_gives_the_same_twice",
        ],
        NO_FILES,
    ),
    "batches_at_random": (
        ["loader_makes_the_same_batch_twice"],
        "loader 'bad': collate gives different batches for the same samples",
    ),
    "no_task": (TASKS, "expected a class derived from lemur_core.kinds.task.Task"),
    "task_blames_itself": (
        ["task_finds_no_fault_in_its_own_batch"],
        "task 'bad': its own target WrongLabel(value=2, words='is 2')",
    ),
    "task_without_rows": (
        ["task_with_columns_has_rows"],
        "task 'bad': has columns, but no method rows()",
    ),
    "task_draws_without_style": (
        ["task_drawer_can_be_called"],
        "too many positional arguments",
    ),
    "names_missing_files": (
        ["loader_names_files_that_are_there"],
        "loader 'bad': it names ",
    ),
    "alters_input": (["transform_leaves_its_input_alone"], "transform 'bad': alters its input"),
    "random_in_eval": (
        ["transform_draws_nothing_when_scoring"],
        "transform 'bad': is random in eval(); draw in training only",
    ),
    "random_undeclared": (
        ["transform_draws_random_numbers_as_declared"],
        "transform 'bad': its entry says random=False, but in training it draws random numbers",
    ),
    "random_in_name_only": (
        ["transform_draws_random_numbers_as_declared"],
        "its entry says random=True, but in training it does not draw random numbers",
    ),
    "wrong_dtype": (
        ["transform_gives_what_nets_are_fed"],
        "transform 'bad': gives torch.float64; its entry says float32",
    ),
    "one_size_only": (
        ["transform_exists_in_other_sizes"],
        "lemur_bad.things.transforms has no 'bad_41'",
    ),
    "sizes_at_random": (
        ["loader_knows_the_sizes_of_its_images"],
        "loader 'bad': image_sizes gives others each time",
    ),
    "not_the_size": (
        ["transform_gives_what_nets_are_fed"],
        "maps (4, 1, 28, 28) to (4, 1, 28, 28); expected (4, 1, 32, 32)",
    ),
    "not_finite": (
        ["transform_gives_what_nets_are_fed"],
        "transform 'bad': gives values that are not finite",
    ),
    "ignores_the_seed": (
        ["transform_draws_from_the_global_seed"],
        "transform 'bad': differs after the same torch.manual_seed",
    ),
    "invents_class": (
        ["transform_moves_targets_with_their_image"],
        "transform 'bad': turns the classes 0, 7 and -100 into [",
    ),
    "mask_beside_its_image": (
        ["transform_moves_targets_with_their_image"],
        "in its mask; resize both on the same grid, masks with nearest-exact",
    ),
    "box_left_behind": (
        ["transform_moves_targets_with_their_image"],
        "returns the box [20.0, 15.0, 65.0, 45.0] for an object at [25, 15, 70, 45]",
    ),
    "box_pushed_out": (
        ["transform_moves_targets_with_their_image"],
        "boxes [[65.0, 55.0, 110.0, 85.0]] in an image of 60x90; expected left, top",
    ),
    "box_dropped": (
        ["transform_moves_targets_with_their_image"],
        "transform 'bad': drops a box in eval()",
    ),
    "labels_swapped": (
        ["transform_moves_targets_with_their_image"],
        "transform 'bad': returns objects with the labels [24, 23, ",
    ),
    "wrong_score": (SCORES, "it gives 0.250000; expected 0.500000"),
    "above_one": (SCORES, "metric 'bad': gives 2.0; expected 0 to 1"),
    "last_batch_only": (
        ["metric_is_the_same_however_it_is_batched"],
        "metric 'bad': one sample at a time it gives 0.000000; expected 0.500000",
    ),
    "never_forgets": (["metric_forgets_when_reset"], "metric 'bad': after a reset it gives"),
    "no_case": (SCORES, "metric 'bad' has no case: add metric_cases = "),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Run the contract tests on all bad plugins; return the failures of each, text by test."""
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


def test_every_rule_is_broken_by_a_bad_plugin():
    rules = {name.removeprefix("test_") for name in dir(PluginContract) if name.startswith("test_")}
    assert rules == {test for tests, _ in BROKEN.values() for test in tests}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_bad_plugin_fails_the_rule_that_it_breaks(report, rule):
    tests, message = BROKEN[rule]
    failed = report[rule]
    assert set(failed) == set(tests)
    assert message in failed[tests[-1]]


@pytest.fixture
def net_file(tmp_path):
    """Return a function that writes a linear net with additional members and returns its entry."""

    def write(members):
        file = tmp_path / "Net.py"
        file.write_text(NET + textwrap.indent(textwrap.dedent(members), "    "))
        return entry_of_file(file, ("img-classification",))

    return write


def test_a_net_may_have_auxiliary_outputs_in_training(net_file):
    net = net_file("""
        def forward(self, images):
            outputs = super().forward(images)
            return (outputs, 2 * outputs) if self.training else outputs

        def loss(self, outputs, targets):
            return super().loss(outputs[0], targets) + super().loss(outputs[1], targets)
    """)
    rules = PluginContract()
    rules.test_net_gives_every_parameter_a_finite_gradient(net)
    rules.test_net_learns(net)


def test_a_validation_loss_that_draws_random_numbers_is_reported(net_file):
    net = net_file("""
        def validation_loss(self, outputs, targets):
            return nn.functional.dropout(outputs).mean()
    """)
    with pytest.raises(AssertionError, match=r"validation_loss\(\) draws random numbers"):
        PluginContract().test_net_is_scored_the_same_twice(net)


def test_a_net_may_read_the_hyperparameters_of_every_net(net_file):
    net = net_file("""
        def train_setup(self, prm):
            super().train_setup(prm)
            assert isinstance(prm["batch"], int)
            assert isinstance(prm["transform"], str)
    """)
    PluginContract().test_net_reads_what_it_declares(net)


def test_a_missing_key_of_another_mapping_is_not_taken_for_a_hyperparameter(net_file):
    net = net_file("""
        def train_setup(self, prm):
            {}["elsewhere"]
    """)
    with pytest.raises(KeyError, match="elsewhere"):
        PluginContract().test_net_reads_what_it_declares(net)


def test_unpacking_hyperparameters_reads_them_all(net_file):
    net = net_file("""
        def train_setup(self, prm):
            super().train_setup({**prm})
    """)
    PluginContract().test_net_reads_what_it_declares(net)


def test_a_contract_without_a_plugin_says_so():
    class Unnamed(PluginContract):
        pass

    with pytest.raises(AssertionError, match=r'plugin = "lemur_tiny\.plugin"'):
        Unnamed().test_plugin_is_taken()


def test_rules_that_a_base_class_dropped_are_restored(monkeypatch):
    monkeypatch.syspath_prepend(BAD)

    class Shared(PluginContract):
        """A common base class of the contracts of several plugins."""

    class Metric(Shared):
        plugin = "lemur_bad.no_case"

    class Net(Metric):
        plugin = "lemur_bad.frozen_parameter"

        def test_net_learns(self, net):
            """A rule that the author overrides is kept."""

    assert Metric.test_metric_forgets_when_reset
    assert Metric.test_net_comes_back_from_its_state is None
    assert Net.test_metric_forgets_when_reset is None
    assert Net.test_net_comes_back_from_its_state
    assert Net.test_net_learns.__doc__ == "A rule that the author overrides is kept."


@pytest.mark.usefixtures("third_party")
def test_rules_of_a_kind_that_a_plugin_adds_test_its_entries(tmp_path):
    class Contract(PluginContract):
        plugin = "lemur_tiny.plugin"

    contract = Contract()
    [zoo], [exporter] = contract.entries["zoo"], contract.entries["exporter"]
    contract.test_zoo_has_members(zoo)
    contract.test_exporter_writes_results(exporter, tmp_path)
    with pytest.raises(AssertionError):
        contract.test_zoo_has_members(SimpleNamespace(load=lambda: lambda: [{}]))
    # The plugin has no loader.
    assert Contract.test_loader_promises_hold is None
    # The contract tests of other plugins do not contain the kind.
    assert not hasattr(PluginContract, "test_zoo_has_members")


def test_valid_objects_are_accepted(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BAD)
    loader = Entry("good", "lemur_bad.things.loaders:objects_in_order", ("obj-detection",))
    PluginContract().test_loader_promises_hold(loader, tmp_path)


def test_crowds_may_have_no_width(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BAD)
    loader = Entry("good", "lemur_bad.things.loaders:crowd_of_no_width", ("obj-detection",))
    PluginContract().test_loader_promises_hold(loader, tmp_path)


def test_a_metric_of_objects_is_given_outputs_of_detectors_and_targets_of_loaders(monkeypatch):
    monkeypatch.syspath_prepend(BAD)
    box, other = [0, 0, 4, 4], [2, 2, 8, 7]
    outputs = [
        {"boxes": [box], "labels": [4], "scores": [0.5]},
        {"boxes": [], "labels": [], "scores": []},
    ]
    targets = [
        {"boxes": [box, other], "labels": [4, 1]},
        {"boxes": [box], "labels": [2], "iscrowd": [1]},
    ]
    rules = PluginContract()
    rules.metric_cases = {"good": [(outputs, targets, 0.5)]}
    metric = Entry("good", "lemur_bad.things.metrics:ShareFound", ("obj-detection",))
    rules.test_metric_gives_the_score_computed_by_hand(metric)
    rules.test_metric_forgets_when_reset(metric)


def test_random_content_of_prepared_files_does_not_fail_a_loader(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BAD)

    class Contract(PluginContract):
        plugin = "lemur_bad.broken_promise"

        def prepare_data(self, loader, folder):
            (folder / "pixels").write_bytes(os.urandom(40 * 64))

    loader = Entry("pixels", "lemur_bad.things.loaders:of_a_file", ("img-classification",))
    Contract().test_loader_gives_the_same_twice(loader, tmp_path)
