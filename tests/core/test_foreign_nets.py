"""Nets of other frameworks than torch can do everything that torch nets can do on a CPU."""

import itertools
import re
import shutil
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import lemur_core
from lemur_core import data
from lemur_core.cli.reproduce import reproduce
from lemur_core.cli.show import show
from lemur_core.composition import compose
from lemur_core.entry import Entry, entry_of_file
from lemur_core.errors import ContractError, MisfitError, NotFiniteError, PluginError, WeightsError
from lemur_core.events import EpochEnded
from lemur_core.pattern import Pattern
from lemur_core.store.database import open_engine
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.testing.nets import NetRules
from lemur_core.train import checkpoint, saved_weights
from lemur_core.train.data import Bundles
from lemur_core.train.net_adapter import adapter_of, check_weights, finite_buffers
from lemur_core.train.preload import preload
from lemur_core.train.training import Training, run_trial
from lemur_core.trial import Epoch, State, Trial

TOY = Path(__file__).parent / "toys" / "lemur_toy" / "perceptron.py"
TASKS = ("img-classification",)
PERCEPTRON = Entry("Perceptron", "lemur_toy.perceptron", TASKS)
PIPELINE = "img-classification_blobs_hits_Perceptron"
PRM = {"lr": 0.05, "momentum": 0.8, "width": 4, "batch": 16, "transform": "plain"}
EPOCH = Epoch(1, 0.5, 0.75, 0.25, 1)
NAMES = {"hidden.weight", "hidden.bias", "head.weight", "head.bias", "mean"}


@pytest.fixture
def run(db):
    return partial(
        lemur_core.run, PIPELINE, entries=[PERCEPTRON], trials=1, epochs=3, seed=1, db=db,
        transform="plain", threads=1, in_process=True,
    )  # fmt: skip


@pytest.fixture
def made(toys, tmp_path):
    """Return a trial of the toy, whose code is changed by a replacement."""

    def make(old="", new="", **prm):
        text = TOY.read_text()
        assert old in text
        file = tmp_path / "Perceptron.py"
        file.write_text(text.replace(old, new) if old else text)
        with_file = toys.with_entries("file", "net", [entry_of_file(file)])
        [pipeline] = compose(with_file, [Pattern.parse(PIPELINE)])
        return Trial(pipeline, 1, PRM | prm, 3, 4)

    return make


@pytest.fixture
def bundle(made, tmp_path):
    return Bundles(tmp_path).get(made().pipeline)


@pytest.fixture
def net(made, bundle):
    return Training(made(), bundle).net


def numbers(epochs):
    return [
        (epoch.number, epoch.loss, epoch.validation_loss, epoch.validation, epoch.accuracy)
        for epoch in epochs
    ]


def of_each(net):
    return {**net.parameter_arrays(), **net.buffer_arrays()}


# Training


def test_it_learns(made, bundle):
    epochs = list(run_trial(replace(made(), epochs=8), bundle))
    assert epochs[-1].loss < epochs[0].loss / 2
    assert epochs[-1].validation > 0.9
    # 16 pixels, 4 hidden units, 2 classes: 16 * 4 + 4 + 4 * 2 + 2.
    assert epochs[0].size.parameters == 78
    assert epochs[0].size.in_shape == (1, 1, 4, 4)


def test_its_validation_loss_is_torchs_cross_entropy(made, bundle):
    training = Training(made(), bundle)
    [epoch] = itertools.islice(training.epochs(), 1)
    samples = bundle.validation
    outputs = training.net(training.transform(samples.inputs))
    loss = torch.nn.functional.cross_entropy(outputs, samples.targets)
    assert epoch.validation_loss == pytest.approx(loss.item(), rel=1e-5)


def test_the_same_seed_gives_the_same_numbers(made, bundle):
    first, again = (numbers(run_trial(made(), bundle)) for _ in range(2))
    other = numbers(run_trial(replace(made(), seed=4), bundle))
    assert first == again != other


def test_the_seed_of_a_batch_depends_on_trial_epoch_and_batch_only(made, bundle):
    change = "total = count = 0", "total = count = 0; self.seeds = []"
    trial = made(*change)
    file = Path(trial.pipeline.net_entry.target)
    text = file.read_text()
    step = "total += self._step"
    file.write_text(text.replace(step, f"self.seeds.append(torch.initial_seed()); {step}"))

    def seeds(trial):
        training, drawn = Training(trial, bundle), []
        for _ in training.epochs():
            drawn.append(training.net.seeds)
        return drawn

    plain = seeds(replace(trial, epochs=2))
    assert len({*plain[0], *plain[1]}) == len(plain[0]) + len(plain[1])
    # Scoring within the epoch changes nothing.
    assert seeds(replace(trial, epochs=2, parts=3)) == plain


def test_scores_within_an_epoch_change_nothing(made, bundle):
    whole = numbers(run_trial(made(), bundle))
    parts = list(run_trial(replace(made(), parts=3), bundle))
    assert numbers(parts) == whole
    assert all(len(epoch.within) == 2 for epoch in parts)


# Checkpoints


@pytest.mark.parametrize("after", [1, 3])
def test_it_resumes_with_the_same_numbers(made, bundle, tmp_path, after):
    whole = numbers(run_trial(made(), bundle))
    trial = replace(made(), checkpoint=tmp_path / "state")
    list(itertools.islice(run_trial(trial, bundle), after))
    done = tuple(checkpoint.saved_epochs(trial.checkpoint))
    assert numbers([*done, *run_trial(replace(trial, done=done), bundle)]) == whole


@pytest.mark.parametrize("part", ["velocity", "draws"])
def test_it_does_not_resume_without_a_part_of_its_state(made, bundle, tmp_path, part):
    whole = numbers(run_trial(made(), bundle))
    lost = made("def load_training_state(self, state):\n", (
        "def load_training_state(self, state):\n"
        f"        state = state | {{{part!r}: self.training_state()[{part!r}]}}\n"
    ))  # fmt: skip
    trial = replace(lost, checkpoint=tmp_path / "state")
    list(itertools.islice(run_trial(trial, bundle), 2))
    done = tuple(checkpoint.saved_epochs(trial.checkpoint))
    assert numbers([*done, *run_trial(replace(trial, done=done), bundle)]) != whole


STATE = {
    "f4": np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1],
    "u4": np.array([0, 2**32 - 1], np.uint32),
    "big-endian": np.array([1, 2], ">i8"),
    "empty": np.zeros((0, 2)),
    "scalar": np.float32(0.1),
    "long": 2**127 + 1,
    "nested": {"list": [1, 0.1, "text", None, True], 3: (np.array([True]), "b")},
}


def test_a_training_state_is_stored_exactly(net, tmp_path):
    net.training_state = lambda: STATE
    checkpoint.save(tmp_path, net, [EPOCH])
    restored = []
    net.load_training_state = restored.append
    checkpoint.restore(tmp_path, net, torch.device("cpu"))
    [state] = restored
    for name in ("f4", "u4", "empty", "scalar"):
        np.testing.assert_array_equal(state[name], STATE[name], strict=True)
    np.testing.assert_array_equal(state["big-endian"], [1, 2])
    assert state["long"] == STATE["long"]
    assert state["nested"]["list"] == STATE["nested"]["list"]
    np.testing.assert_array_equal(state["nested"][3][0], [True])
    assert isinstance(state["nested"][3], tuple)


def test_a_state_that_cannot_be_stored_is_warned_of(made, bundle, tmp_path):
    trial = made('"steps": self.steps,', '"steps": {self.steps},')
    trial = replace(trial, checkpoint=tmp_path / "state", epochs=2)
    expected = r"cannot be saved: .*training_state\(\)\['steps'\] is builtins.set; expected arrays"
    with pytest.warns(UserWarning, match=expected):
        assert len(list(run_trial(trial, bundle))) == 2


def test_the_keys_of_a_state_are_texts_and_numbers(net):
    net.training_state = lambda: {"moments": {("head", "bias"): 0.5}}
    with pytest.raises(ContractError) as raised:
        adapter_of(net).state()
    assert str(raised.value) == (
        "training_state()['moments'] has the key ('head', 'bias'); expected texts and numbers"
    )


def test_the_process_that_forks_imports_neither_the_net_nor_its_framework(made, monkeypatch):
    trial = made("import numpy as np\n", "import numpy as np\nimport a_framework\n")
    imported = []
    monkeypatch.setattr("lemur_core.train.preload.import_module", imported.append)
    preload(trial)
    assert "numpy" in imported
    assert "a_framework" not in imported


# Weights


def test_parameters_and_buffers_are_saved_and_loaded(net, made, bundle, tmp_path):
    net.mean += 3
    saved_weights.save(tmp_path / "a.safetensors", net, EPOCH)
    assert load_file(tmp_path / "a.safetensors").keys() == NAMES
    other = Training(replace(made(), seed=9), bundle).net
    assert saved_weights.load(tmp_path / "a.safetensors", other, "cpu") == (1, 0.75, 0.25)
    for name, array in of_each(net).items():
        np.testing.assert_array_equal(of_each(other)[name], array, strict=True)


FAULTS = {
    "missing mean": lambda arrays: arrays.pop("mean"),
    "unexpected other": lambda arrays: arrays.update(other=np.zeros(1)),
    "head.bias is float32 3, the net's float32 2": (
        lambda arrays: arrays.update({"head.bias": np.zeros(3, np.float32)})
    ),
    "head.bias is float64 2, the net's float32 2": (
        lambda arrays: arrays.update({"head.bias": np.zeros(2)})
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_weights_of_another_net_are_refused(net, tmp_path, fault):
    file = tmp_path / "a.safetensors"
    arrays = of_each(net)
    FAULTS[fault](arrays)
    save_file(arrays, file)
    with pytest.raises(WeightsError, match=re.escape(f"the trial's net (ContractError: {fault})")):
        saved_weights.load(file, net, "cpu")


# Failures


@pytest.mark.parametrize("value", ["np.nan", "np.inf"])
@pytest.mark.parametrize(
    ("array", "what"),
    [('self.weights["head.bias"]', "parameter head.bias"), ("self.mean", "buffer mean")],
)
def test_a_weight_that_is_not_finite_is_named(made, bundle, value, array, what):
    # Evaluation does not see it, only the check of the weights does.
    trial = made("return total / count", f"{array}[-1] = {value}; return total / count")
    with pytest.raises(NotFiniteError) as raised:
        list(run_trial(trial, bundle))
    assert str(raised.value) == f"{what} is not finite"


def test_outputs_that_are_not_finite_fail_the_trial(made, bundle):
    outputs = "return torch.from_numpy(self._forward(_flat(inputs))[-1])"
    trial = made(outputs, f"{outputs} / (0 if hasattr(self, 'steps') and self.steps else 1)")
    with pytest.raises(NotFiniteError, match="NaN or infinity for batch 1 of the validation split"):
        list(run_trial(trial, bundle))


def test_a_buffer_may_be_infinite_from_the_start(net):
    net.mean[0] = np.inf
    assert finite_buffers(net) == frozenset()
    check_weights(net, finite_buffers(net))


def test_outputs_must_be_tensors(made, bundle):
    trial = made("return torch.from_numpy(self._forward", "return (self._forward")
    with pytest.raises(ContractError) as raised:
        Training(trial, bundle)
    assert str(raised.value) == (
        "net 'Perceptron': gives numpy.ndarray; expected torch tensors, for example "
        "torch.from_numpy(array)"
    )


def test_a_net_without_the_methods_is_refused_with_their_names(made, bundle):
    trial = made("def buffer_arrays(self)", "def buffers(self)")
    with pytest.raises(ContractError, match="is not a torch.nn.Module, and has no method buffer_a"):
        Training(trial, bundle)


def test_a_name_is_that_of_one_array(net, tmp_path):
    net.buffer_arrays = net.parameter_arrays
    with pytest.raises(ContractError, match=r"'\w+\.\w+' is a parameter and a buffer"):
        saved_weights.save(tmp_path / "a.safetensors", net, EPOCH)


# Options


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("precision", "bf16", "--precision bf16"),
        ("compile", True, "--compile"),
        ("channels_last", True, "--channels-last"),
        ("freeze", "hidden", "--freeze hidden"),
    ],
)
def test_options_for_torch_are_refused_before_training(made, bundle, name, value, option):
    expected = (
        f"net 'Perceptron' is not a torch.nn.Module, so {option} cannot be used with it; "
        "leave it out"
    )
    with pytest.raises(MisfitError) as raised:
        Training(made(**{name: value}), bundle)
    assert str(raised.value) == expected


def test_another_device_is_refused(net):
    with pytest.raises(
        MisfitError, match="so device 'cuda:0' cannot be used with it; choose --device cpu"
    ):
        adapter_of(net, "Perceptron").check_options(PRM, torch.device("cuda:0"))


def test_no_trial_begins_with_an_option_for_torch(run, db):
    with pytest.raises(PluginError, match="so --precision bf16 cannot be used with it"):
        run(prm={"precision": "fp32,bf16"})
    run(prm={"precision": "fp32"})
    assert len(data(db=db)) == 3


def test_class_weights_are_refused_without_the_method(run):
    with pytest.raises(PluginError, match="'Perceptron' does not take class weights"):
        run(class_weights="balanced")


def test_samples_are_loaded_in_its_own_process(made, bundle, monkeypatch):
    # Its framework has threads, which a fork lacks.
    monkeypatch.setattr("lemur_core.train.batches._loading_processes", lambda samples: 2)
    listed = [bundle.train[at] for at in range(len(bundle.train))]
    assert Training(made(), bundle).scored(listed).loader.num_workers == 0


# Campaigns


def test_a_campaign_records_it_like_any_net(run, db, tmp_path):
    run(keep_weights="every")
    frame = data(db=db)
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert frame["validation_loss"].notna().all()
    uid = frame["trial"][0]
    with open_engine(db) as engine, engine.connect() as connection:
        stored = read_stored_trial(connection, uid)
    # Nothing is imported to find them.
    assert stored.facts["versions"]["numpy"] == version("numpy")
    with safe_open(Path(f"{db}-weights") / f"{uid}-epoch-2.safetensors", "np") as opened:
        assert opened.metadata()["epoch"] == "2"
    result = CliRunner().invoke(reproduce, [uid, "--db", db, "--data", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.output.endswith("the same\n")


def test_worker_processes_resume_it_with_the_same_numbers(run, db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(db=whole)

    def interrupt(event):
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    assert run(in_process=False, watch=interrupt).states == {State.INTERRUPTED: 1}
    assert run(in_process=False).states == {State.FINISHED: 1}
    columns = ["epoch", "loss", "validation_loss", "accuracy", "prm"]
    assert data(db=db)[columns].equals(data(db=whole)[columns])


def test_its_weights_are_used_without_the_database(run, db):
    run(keep_weights="best")
    [file] = Path(f"{db}-weights").iterdir()
    of_file, of_trial = lemur_core.trained(file), lemur_core.trained("1", db=db)
    images = torch.randint(256, (5, 1, 4, 4), dtype=torch.uint8)
    assert torch.equal(*(each.net(each.transform(images)) for each in (of_file, of_trial)))
    assert of_trial.description.versions["numpy"] == version("numpy")


def test_it_is_trained_again_without_its_weights(run, db, tmp_path):
    run()
    best = data(db=db)["validation"].max()
    assert lemur_core.trained("1", db=db, data=tmp_path).validation == best


def test_trials_start_with_given_weights(run, db, tmp_path):
    run(keep_weights="last", prm={"width": 4})
    [file] = Path(f"{db}-weights").iterdir()
    run(weights=file, prm={"width": 4, "lr": 1e-9, "momentum": 0})
    frame = data(db=db)
    # It goes on where the other ended, and learns next to nothing.
    assert frame["validation_loss"][3] == pytest.approx(frame["validation_loss"][2], rel=0.02)
    with pytest.raises(
        Exception, match="do not fit net 'Perceptron': hidden.weight is float32 16x4"
    ):
        run(weights=file, prm={"width": 6})


def test_it_continues_another_trial(run, db, tmp_path):
    whole = str(tmp_path / "whole.db")
    run(epochs=5, db=whole)
    run(keep_checkpoints="best")
    lemur_core.run(continues="1", entries=[PERCEPTRON], epochs=5, threads=1, in_process=True, db=db)
    columns = ["epoch", "loss", "validation_loss", "accuracy"]
    assert data(db=db)[columns].to_numpy().tolist() == data(db=whole)[columns].to_numpy().tolist()


def test_its_parameters_are_counted(tmp_path):
    file = shutil.copy(TOY, tmp_path / "Perceptron.py")
    options = ["net", str(file), "--size", "--shape", "1x4x4", "--classes", "2", "--no-source"]
    output = CliRunner().invoke(show, options).output
    assert "parameters  78 (0.00 million), for 1x4x4 and 2 classes" in output
    assert "multiply-adds" not in output


# Contract tests


RULES = [name for name in dir(NetRules) if name.startswith("test_net_")]
OF_TORCH = {
    "test_net_gives_every_parameter_a_finite_gradient",
    "test_net_is_compiled_whole",
    "test_net_is_exported",
}


@pytest.mark.parametrize("rule", RULES)
def test_it_follows_the_rules_of_nets(rule):
    if rule in OF_TORCH:
        with pytest.raises(pytest.skip.Exception, match="'Perceptron' is not a torch.nn.Module"):
            getattr(NetRules(), rule)(PERCEPTRON)
    else:
        getattr(NetRules(), rule)(PERCEPTRON)


# For each rule that is broken: what in the toy's code is replaced by what, and the message.
BROKEN = [
    ("learns", "- np.float32(self.lr)", "- 0", "learn() changes no parameter"),
    ("learns", "def eval(self)", "def evaluate(self)", "has no method eval()"),
    (
        "comes_back_from_its_state",
        'self.mean = arrays["mean"].copy()',
        "pass",
        "gives other outputs after load_arrays(); keep everything that it learns in",
    ),
    (
        "comes_back_from_its_state",
        "self.velocity = {name: value.copy() for",
        "_ = {name: value.copy() for",
        "differs after another epoch if it was restored before; keep everything that learn() uses",
    ),
    (
        "is_built_the_same_from_the_same_seed",
        "torch.initial_seed()",
        "",
        "hidden.weight differs after the same torch.manual_seed",
    ),
    (
        "is_scored_the_same_twice",
        "logits = hidden @",
        "logits = np.random.random() + hidden @",
        "in eval() it gives different outputs for the same inputs",
    ),
    (
        "gives_its_tasks_shape",
        "_flat(inputs))[-1])",
        "_flat(inputs))[-1][:, 1:])",
        "maps (1, 1, 32, 32) to (1, 9); expected (1, 10)",
    ),
    (
        "reads_what_it_declares",
        '"width": "4..8 int"',
        '"width": "4..8 int", "depth": "1..2 int"',
        "declares depth but never reads it",
    ),
]


@pytest.mark.parametrize(("rule", "old", "new", "message"), BROKEN)
def test_a_net_that_breaks_a_rule_fails_it(tmp_path, rule, old, new, message):
    text = TOY.read_text()
    assert old in text
    file = tmp_path / "Perceptron.py"
    file.write_text(text.replace(old, new))
    failures = (AssertionError, pytest.fail.Exception, ContractError)
    with pytest.raises(failures, match=re.escape(message)):
        getattr(NetRules(), f"test_net_{rule}")(entry_of_file(file, TASKS))
