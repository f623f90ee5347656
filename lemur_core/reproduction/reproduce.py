"""Run a recorded trial again from its recorded code, and report differences and their causes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from lemur_core.composition import compose
from lemur_core.continuation import origin_in
from lemur_core.dataset import DatasetRecord, differing
from lemur_core.entry import Entry
from lemur_core.errors import DataChangedError, SettingsError, UnknownNameError
from lemur_core.file_entry import SIGN, entry_of_code, is_of_file
from lemur_core.initial_weights import InitialWeights, identity_in
from lemur_core.pattern import Pattern, unrestricted_name
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.train.attempt import attempt
from lemur_core.train.data import Bundles
from lemur_core.train.file_digests import FileDigests
from lemur_core.train.interruption import stopped_at_once
from lemur_core.train.versions import imported_versions, versions
from lemur_core.trial import Epoch, Outcome, State, Trial, TrialDecision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.store.reading.stored_trial import StoredEpoch, StoredTrial

_STORED = "stored"
_CODE = {"loader": "loader_entry", "metric": "metric_entry"}


@dataclass(frozen=True)
class Difference:
    """A number that differs from the recorded one.

    Attributes:
        epoch: Number of the epoch.
        name: ``loss``, ``validation`` or ``accuracy``.
        recorded: The recorded value.
        again: The value of the new run.
    """

    epoch: int
    name: str
    recorded: float | None
    again: float | None


@dataclass(frozen=True)
class Reproduction:
    """The result of running a trial again.

    Attributes:
        outcome: The outcome of the new run.
        differences: The numbers that differ from the recorded ones.
        changed: Lines about other changes: in versions, code and the device.
    """

    outcome: Outcome
    differences: list[Difference]
    changed: list[str]

    @property
    def same(self) -> bool:
        """Whether the new run finished with the recorded numbers."""
        return self.outcome.state is State.FINISHED and not self.differences


def reproduce(
    stored: StoredTrial,
    registry: Registry,
    folder: Path,
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    weights: Path | None = None,
) -> Reproduction:
    """Train a recorded trial again in this process, for as many epochs as were recorded.

    The net is built from the recorded code; dataset, metric and transform are the installed ones,
    or the recorded ones if they were single files.

    Args:
        stored: The trial.
        registry: The installed plugins.
        folder: Folder of the datasets.
        device: A torch device; None uses the device of the trial.
        watch: Called with each epoch.
        weights: File of the trial's initial weights; None if it started from random weights.

    Raises:
        SettingsError: The record of the trial is incomplete, or the file does not hold its initial
            weights.
        UnknownNameError: The dataset, metric or transform is not installed.
        MissingDataError: The dataset is not in the folder.
        DataChangedError: The dataset in the folder differs from the one used for training.
    """
    with recorded_trial(stored, registry, device) as trial:
        bundles = bundles_of(stored, folder)
        check_same_data(stored, bundles.record(trial.pipeline))
        outcome = train_to_end(replace(trial, initial=weights), bundles, watch)
        changed = list(_changed(stored, trial, versions_now(stored, registry)))
        changed += _left_out_now(stored.left_out, bundles.left_out(trial.pipeline))
    return Reproduction(outcome, list(_differences(stored, outcome)), changed)


def versions_now(stored: StoredTrial, registry: Registry) -> dict[str, str]:
    """Return the versions of the software that trains a recorded trial again, by name."""
    recorded = stored.facts["versions"]
    # Those of a framework other than torch are only recorded for its nets.
    imported = imported_versions(stored.codes["nn"]).items()
    return {name: now for name, now in imported if name in recorded} | versions(registry)


def bundles_of(stored: StoredTrial, folder: Path) -> Bundles:
    """Return a recorded trial's data, without corrupt samples if it was trained without them."""
    # The user was warned of these samples when the trial was trained.
    return Bundles(folder, (lambda _: None) if stored.left_out else None, FileDigests())


def check_same_data(stored: StoredTrial, current: DatasetRecord | None) -> None:
    """Raise `DataChangedError` if a trial was trained on other data than the current data.

    The data of older trials, and of those trained by other programs, is unknown.
    """
    if stored.data is None or current is None or stored.data.fingerprint == current.fingerprint:
        return
    raise DataChangedError(
        f"trial {stored.facts['uid'][:8]} was trained on another dataset "
        f"{stored.facts['dataset']!r}: {differing(stored.data, current)}; "
        "name its folder with --data"
    )


@contextmanager
def recorded_trial(
    stored: StoredTrial, registry: Registry, device: str | None = None
) -> Iterator[Trial]:
    """Yield a trial as it was recorded, with its code in a temporary file.

    Args:
        stored: The trial.
        registry: The installed plugins.
        device: A torch device; None uses the device of the trial.

    Raises:
        SettingsError: The record of the trial is incomplete.
        UnknownNameError: The dataset, metric or transform is not installed.
    """
    check_complete(stored)
    with _pipeline(stored, registry) as pipeline:
        yield Trial(
            pipeline,
            stored.facts["number"] or 1,
            stored.prm,
            stored.facts["seed"],
            len(stored.epochs),
            device or stored.facts["device"],
            stored.facts["uid"],
        )


def check_complete(stored: StoredTrial) -> None:
    """Raise `SettingsError` if the record of a trial is incomplete, or of another program."""
    if stored.facts["recipe"] == ELSEWHERE:
        raise SettingsError(
            f"trial {stored.facts['uid']}: was recorded by another program, whose training lemur "
            "cannot run again"
        )
    missing = [name for name in ("seed", "device") if stored.facts[name] is None]
    missing += ["code"] if "nn" not in stored.codes else []
    missing += ["epochs"] if not stored.epochs else []
    if missing:
        raise SettingsError(
            f"trial {stored.facts['uid']}: cannot be run again, because its "
            f"{' and '.join(missing)} {'was' if len(missing) == 1 else 'were'} not recorded"
        )


@contextmanager
def _pipeline(stored: StoredTrial, registry: Registry) -> Iterator[Pipeline]:
    facts = stored.facts
    with TemporaryDirectory(prefix="lemur-reproduce-") as folder:
        entry = _net_entry(stored, registry, Path(folder))
        with_net = registry.with_entries(_STORED, "net", [entry])
        with_net = _with_recorded_files(with_net, stored, Path(folder))
        others = sorted({name for epoch in stored.epochs for name in epoch.scores})
        # The code of additional metrics is not recorded, so those in files cannot score again.
        others = [name for name in others if not is_of_file(name)]
        metrics = ",".join([facts["metric"], *others])
        pattern = f"{facts['task']}_{facts['dataset']}_{metrics}_{_STORED}/{entry.name}"
        [pipeline] = compose(with_net, [Pattern.parse(pattern)], [stored.prm["transform"]])
        yield replace(pipeline, net=facts["nn"])


def _with_recorded_files(registry: Registry, stored: StoredTrial, folder: Path) -> Registry:
    """Return the registry with the loader, metric and transform that were files, as recorded."""
    names = {
        "loader": unrestricted_name(stored.facts["dataset"]),
        "metric": stored.facts["metric"],
        "transform": str(stored.prm["transform"]),
    }
    for kind, name in names.items():
        if is_of_file(name) and kind in stored.codes:
            file = folder / f"{name.partition(SIGN)[0]}.py"
            code, tasks = stored.codes[kind], (stored.facts["task"],)
            entry = entry_of_code(kind, file.name, code, file, name, tasks)
            registry = registry.with_entries(_STORED, kind, [entry])
    return registry


def _net_entry(stored: StoredTrial, registry: Registry, folder: Path) -> Entry:
    """Return an entry of the recorded net: the installed one if its code is the same."""
    name, code = stored.facts["nn"], stored.codes["nn"]
    try:
        entry = registry.get("net", name)
    except UnknownNameError:
        # The plugin in the recorded name is not installed.
        name = name.rpartition("/")[2]
        entry = Entry(name, f"{name}.py", (stored.facts["task"],))
    else:
        # Compare the file's text, not a module that this process imported before an edit.
        installed = entry.with_snapshot(is_net=True)
        if installed.code() == code:
            return installed
        if entry.code_target is not None:
            raise SettingsError(
                f"trial {stored.facts['uid']}: cannot be run again, because the code of net "
                f"{name!r} has changed; it is in {entry.code_target}, which is not a net by itself"
            )
    file = folder / f"{name.rpartition('/')[2]}.py"
    file.write_text(code, encoding="utf-8")
    return replace(entry, target=str(file))


def train_to_end(trial: Trial, bundles: Bundles, watch: Callable[[Epoch], None]) -> Outcome:
    """Train a trial to its end in this process.

    Args:
        trial: The trial.
        bundles: Provides the data.
        watch: Called with each epoch.

    Raises:
        SettingsError: The file of initial weights is missing or is not the trial's.
    """
    _check_initial(trial)
    with stopped_at_once():
        return _train_to_end(trial, bundles, watch)


def _train_to_end(trial: Trial, bundles: Bundles, watch: Callable[[Epoch], None]) -> Outcome:
    training, decision = attempt(trial, bundles), None
    while True:
        try:
            # None starts the generator.
            epoch = training.send(decision)  # type: ignore[arg-type]
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome
        watch(epoch)
        decision = TrialDecision.GO_ON


def _check_initial(trial: Trial) -> None:
    if first := origin_in(trial.prm):
        raise SettingsError(
            f"trial {trial.uid[:8]} continues trial {first.uid[:8]} from its checkpoint, so it "
            "cannot be trained again from the start"
        )
    expected, file = identity_in(trial.prm), trial.initial
    if file is None and expected is not None:
        raise SettingsError(
            f"trial {trial.uid[:8]} started from the weights in a file that is not stored, whose "
            f"SHA-256 begins with {expected.partition(':')[2]}; name it: "
            f"lemur reproduce {trial.uid[:8]} --weights FILE"
        )
    if file is not None and (identity := InitialWeights().add(file)) != expected:
        origin = expected or "random weights"
        raise SettingsError(
            f"weights {str(file)!r} are {identity}; the trial started from {origin}"
        )


def _differences(stored: StoredTrial, outcome: Outcome) -> Iterator[Difference]:
    for recorded, again in zip(stored.epochs, outcome.epochs, strict=False):
        for name, before, after in _numbers(recorded, again):
            if before != after:
                yield Difference(again.number, name, before, after)


def _numbers(
    recorded: StoredEpoch, again: Epoch
) -> Iterator[tuple[str, float | None, float | None]]:
    yield "loss", recorded.loss, again.loss
    # It is unknown for epochs of older versions.
    if recorded.validation_loss is not None:
        yield "validation_loss", recorded.validation_loss, again.validation_loss
    yield "validation", recorded.validation, again.validation
    yield "accuracy", recorded.accuracy, again.accuracy


def _left_out_now(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[str]:
    for split in sorted({*before, *now}):
        if before.get(split, 0) != now.get(split, 0):
            yield f"left out of {split}: {before.get(split, 0)} then, {now.get(split, 0)} now"


def _changed(stored: StoredTrial, trial: Trial, current: Mapping[str, str]) -> Iterator[str]:
    before: Mapping[str, str] = stored.facts["versions"]
    for name in sorted({*before, *current}):
        if before.get(name) != current.get(name):
            was, now = (values.get(name, "not installed") for values in (before, current))
            yield f"{name} was {was}, is {now}"
    if stored.data is None:
        yield "the data used for training was not recorded"
    if trial.device != stored.facts["device"]:
        yield f"the device was {stored.facts['device']}, is {trial.device}"
    recipe = stored.facts.get("recipe")
    if recipe is not None and recipe != trial.pipeline.net_entry.recipe():
        yield f"the code that trains net {trial.pipeline.net!r} has changed"
    entries = {kind: getattr(trial.pipeline, name) for kind, name in _CODE.items()}
    for kind, entry in (entries | {"transform": trial.transform_entry}).items():
        if kind in stored.codes and stored.codes[kind] != entry.source():
            yield f"the code of {kind} {entry.name!r} has changed"
