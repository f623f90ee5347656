"""The settings of a campaign, from command-line flags, a TOML file or Python."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.entry import Entry
from lemur_core.errors import SettingsError, hint
from lemur_core.initial_weights import NAME as WEIGHTS
from lemur_core.options import read_selections
from lemur_core.points import Point, read_points
from lemur_core.space import EXECUTION, RangeSpec, parse_range
from lemur_core.time_budget import seconds_of
from lemur_core.trial import Keep
from lemur_core.user import recorded_user

if TYPE_CHECKING:
    from lemur_core.train.limits import TrialLimits
    from lemur_core.train.start import WorkerStart


class DrawnSeed(int):
    """A seed that was drawn at random; each trial of its campaign records it."""


@dataclass(frozen=True)
class Settings:
    """The settings of a campaign.

    Attributes:
        patterns: Pipelines, patterns or paths of net files; empty runs the demo if ``task``,
            ``dataset``, ``metric``, ``net`` and ``entries`` are empty too.
        task: Names or wildcards of tasks; empty allows any, also of datasets and nets.
        dataset: Names or wildcards of datasets, or paths of files with a loader.
        metric: Names or wildcards of metrics, or paths of files with one; empty uses the first
            metric of each task.
        net: Names or wildcards of nets, or paths of net files.
        entries: Nets that no plugin registers; only from Python.
        transform: Names, wildcards or files of the transforms to search; empty means those of one
            size that fit and draw no random numbers.
        trials: Number of trials of each pipeline in total; if negative, of additional trials.
        points: Hyperparameters to train each pipeline with once, instead of a search: a list of
            mappings, or the path of a JSONL or CSV file.
        epochs: Number of epochs of each trial.
        prm: Range of each hyperparameter, in the notation of `lemur_core.space`.
        seed: Seed of the search, from which the seed of every trial is derived. `Settings.of` draws
            a `DrawnSeed` for ``random``.
        device: A torch device; ``auto`` uses a GPU if there is one.
        gpus: Indices of the GPUs to use instead of ``device``; workers are assigned to them in
            turn.
        workers: Number of trials trained in parallel; None means one, or one per GPU of ``gpus``.
        threads: Number of CPU threads of each worker; None divides the cores among the workers.
            With 1, results are repeatable to the last bit.
        sampler: Name of an Optuna sampler, for example ``TPE``.
        pruner: Name of an Optuna pruner, for example ``Median``; ``Nop`` prunes nothing.
        estimator: Name or file, and options, of the estimator that stops trials once it can predict
            their final scores, for example ``peng4nn:threshold=0.5``; None trains all trials to the
            end.
        finish_best: Number of trials of each pipeline that are trained to the end after the search,
            the best by validation of those that the estimator or the pruner ended early; 0 trains
            none.
        seeds: Number of seeds in total with which the best hyperparameters of each pipeline, or
            all points, are trained to the end after the search.
        audit: Share of the trials, 0 to 1, that are trained to the end regardless of the estimator,
            to measure the error of its predictions.
        tracker: Names or files, and options, of the trackers that the progress of trials is passed
            on to.
        fail_attempts: Number of consecutive failed trials after which a pipeline is given up.
        checkpoint: Whether to save the state of each trial after every epoch, to resume from.
        keep_weights: Epochs of each trial whose weights are kept: ``no``, ``best`` (by validation;
            also ``True``), ``last`` or ``every``.
        keep_checkpoints: Trials whose checkpoints are kept after their end, to continue from:
            ``no``, ``best`` (the best trial of each pipeline by validation) or ``every``.
        continues: Trial to continue with its own hyperparameters and seed, up to ``epochs`` epochs
            in total, as a new trial: one of its names, see `lemur_core.store.trials.find_trial`.
        weights: A safetensors file with the initial weights of every trial; None starts from
            scratch. A point can name its own file.
        freeze: Names of layers of the initial weights that are not trained, in which ``*`` matches
            any text; ``backbone`` means all layers but the last.
        class_weights: ``balanced`` weighs the classes in the loss so that all count the same; None
            weighs all targets the same.
        in_process: Whether to train in this process, so that a debugger works; the next three
            limits then have no effect.
        epoch_limit: Maximum duration of an epoch in minutes.
        trial_limit: Maximum duration of a trial in minutes; None for no limit.
        memory_limit: Maximum memory of a trial's process in GiB; None for no limit.
        user: Name of the user that trials record; None takes the environment variable
            ``LEMUR_USER``, or else the login name, and an empty name records none.
        db: Database URL, or path of an SQLite file.
        data: Folder of the datasets.
        download: Whether to download missing datasets that are named without a wildcard, if their
            loaders support it.
        validation: Share of the training split that is held out for validation, between 0 and 1,
            with up to four decimals; it becomes part of the datasets' names. None holds out a
            tenth. Datasets that have a validation split of their own are left out.
        folds: Number of folds for cross-validation; each pipeline is trained once for each fold,
            which is its validation split. None for none.
        time: Seconds after which no trial is started, and running trials end after their epoch, to
            be resumed by the same settings; None for no limit. As text with units: ``10m``.
        adopt: Whether to record trials of older versions, whose training data is unknown, as
            trained on the present datasets.
        skip_corrupt: Whether to decode all samples in files once and leave out those that cannot
            be decoded.

    Raises:
        SettingsError: A value is out of range.
        SpaceError: A range in ``prm`` cannot be parsed.
    """

    patterns: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    net: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    transform: tuple[str, ...] = ()
    trials: int = 3
    points: tuple[Point, ...] = ()
    epochs: int = 5
    prm: Mapping[str, RangeSpec] = field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    gpus: tuple[int, ...] = ()
    workers: int | None = None
    threads: int | None = None
    sampler: str = "TPE"
    pruner: str = "Nop"
    estimator: str | None = None
    finish_best: int = 0
    seeds: int = 1
    audit: float = 0.0
    tracker: tuple[str, ...] = ()
    fail_attempts: int = 3
    checkpoint: bool = True
    keep_weights: Keep = Keep.NO
    keep_checkpoints: Keep = Keep.NO
    continues: str | None = None
    weights: Path | None = None
    freeze: tuple[str, ...] = ()
    class_weights: str | None = None
    in_process: bool = False
    epoch_limit: float = 30.0
    trial_limit: float | None = None
    memory_limit: float | None = None
    user: str | None = None
    db: str = "lemur.db"
    data: Path = Path("data")
    download: bool = False
    skip_corrupt: bool = False
    adopt: bool = False
    validation: float | None = None
    folds: int | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "fail_attempts", "seeds"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected 1 or more")
        for name in ("workers", "threads"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise SettingsError(f"{name} is {number}; expected 1 or more")
        if self.in_process and (self.workers or 1) > 1:
            raise SettingsError(f"in_process trains one trial at a time; workers is {self.workers}")
        for name in _LIMITS:
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < math.inf:
                raise SettingsError(f"{name} is {limit}; expected a number above 0")
        self._check_early_ends()
        self._check_validation()
        self._check_training()
        recorded_user(self.user)
        for name, given in self.prm.items():
            parse_range(name, given)
        if self.trials == 0:
            raise SettingsError(
                "trials is 0; expected a number, or a negative one for that many more"
            )

    def _check_early_ends(self) -> None:
        if self.finish_best < 0:
            raise SettingsError(f"finish_best is {self.finish_best}; expected 0 or more")
        if not 0 <= self.audit <= 1:
            raise SettingsError(f"audit is {self.audit}; expected a share, 0 to 1")
        if self.audit and self.estimator is None:
            raise SettingsError("audit is of an estimator's predictions; name one with estimator")

    def _check_validation(self) -> None:
        share = self.validation
        if self.folds is not None and self.folds < _FEWEST_FOLDS:
            raise SettingsError(f"folds is {self.folds}; expected {_FEWEST_FOLDS} or more")
        if self.folds is not None and share is not None:
            raise SettingsError("folds and validation exclude each other: a fold is held out")
        if share is not None and not (0 < share < 1 and round(share, 4) == share):
            raise SettingsError(
                f"validation is {share}; expected a share between 0 and 1, as in 0.2"
            )

    def _check_training(self) -> None:
        if self.class_weights not in (None, "balanced"):
            raise SettingsError(f"class_weights is {self.class_weights!r}; expected balanced")
        if not all(self.freeze):
            raise SettingsError("freeze has an empty name; expected names of layers")
        has_weights = any(WEIGHTS in point.prm for point in self.points) or self.weights is not None
        if self.freeze and not has_weights:
            raise SettingsError(
                "freeze keeps layers of initial weights as they are; name their file with weights"
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Return settings from names and values such as those of a TOML file.

        A single string is equivalent to a list of one. The hyperparameters in `SHORT_PRM` can be
        given like settings; all others belong in ``prm``.

        Raises:
            SettingsError: A name is unknown, or a value has the wrong type.
        """
        known = [setting.name for setting in fields(cls)]
        values: dict[str, Any] = {}
        prm = prm_of(given)
        for name, value in given.items():
            if name not in known and name not in SHORT_PRM:
                raise SettingsError(f"unknown setting {name!r}{hint(name, [*known, *SHORT_PRM])}")
            if name in known and name != "prm":
                values[name] = _READERS[name](name, value)
        for name in ("trials", "sampler"):
            if "points" in values and name in values:
                raise SettingsError(
                    f"points and {name} exclude each other: each point is trained once, "
                    "and nothing is searched"
                )
        own = [name for name in (*values, *prm) if name in OF_CONTINUED or name in prm]
        if "continues" in values and own:
            raise SettingsError(
                f"continues and {own[0]} exclude each other: a trial continues with what it was "
                "trained with"
            )
        if "transform" in prm:
            values["transform"] = _names("transform", prm.pop("transform"))
        return cls(**values, prm=prm)

    @property
    def worker_count(self) -> int:
        """Number of trials to train in parallel."""
        return self.workers or len(self.gpus) or 1

    def start(self) -> WorkerStart:
        """Return the settings with which training processes are started."""
        from lemur_core.train.start import WorkerStart

        return WorkerStart(self.data, self.threads, self.worker_count)

    def limits(self) -> TrialLimits:
        """Return the time limits in seconds and the memory limit in bytes."""
        from lemur_core.train.limits import TrialLimits

        return TrialLimits(
            epoch_s=self.epoch_limit * 60,
            trial_s=None if self.trial_limit is None else self.trial_limit * 60,
            memory_bytes=None if self.memory_limit is None else round(self.memory_limit * 2**30),
        )


def prm_of(given: Mapping[str, Any]) -> dict[str, RangeSpec]:
    """Return the hyperparameters among settings: those in ``prm`` and those in `SHORT_PRM`.

    Raises:
        SettingsError: ``prm`` is not a mapping.
    """
    prm = given.get("prm", {})
    if not isinstance(prm, Mapping):
        raise SettingsError(f"prm is {prm!r}; expected names and values")
    return dict(prm) | {name: given[name] for name in SHORT_PRM if name in given}


OF_CONTINUED = (
    "trials", "points", "transform", "sampler", "pruner", "estimator", "audit", "seed", "seeds",
    "finish_best", "weights", "freeze", "class_weights", "validation", "folds",
)  # fmt: skip
"""Settings that a trial that continues takes from the first one, or does not use."""

_FEWEST_FOLDS = 2

SHORT_PRM = ("lr", "batch", "momentum", "dropout", *EXECUTION)
"""Hyperparameters that can be given like settings."""


def _texts(name: str, value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str | Path) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str | Path) for t in texts):
        raise SettingsError(f"{name} is {value!r}; expected a string or a list of strings")
    return tuple(map(str, texts))


def _names(name: str, value: Any) -> tuple[str, ...]:
    return tuple(part.strip() for text in _texts(name, value) for part in text.split(","))


def _selections(name: str, value: Any) -> tuple[str, ...]:
    """Return entries with their options; an empty text selects none."""
    texts = [text for text in _texts(name, value) if text.strip()]
    return tuple(str(selected) for text in texts for selected in read_selections(name, text))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str | Path):
        raise SettingsError(f"{name} is {value!r}; expected a string")
    return str(value)


def _path(name: str, value: Any) -> Path:
    return Path(_text(name, value))


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"{name} is {value!r}; expected an integer")
    return value


def _seed(name: str, value: Any) -> int:
    if value == "random":
        return DrawnSeed(secrets.randbelow(2**31))
    if isinstance(value, str):
        raise SettingsError(f"{name} is {value!r}; expected an integer, or random")
    return _integer(name, value)


def _integers(name: str, value: Any) -> tuple[int, ...]:
    numbers = value.split(",") if isinstance(value, str) else value
    try:
        integers = tuple(int(number) for number in numbers)
    except (TypeError, ValueError):
        integers = ()
    if not integers or min(integers) < 0:
        raise SettingsError(f"{name} is {value!r}; expected numbers, for example 0,1")
    return integers


def _entries(name: str, value: Any) -> tuple[Entry, ...]:
    entries = (value,) if isinstance(value, Entry) else value
    if not isinstance(entries, Iterable) or isinstance(entries, str):
        raise SettingsError(f"{name} is {value!r}; expected a list of entries")
    listed = tuple(entries)
    for entry in listed:
        if not isinstance(entry, Entry):
            raise SettingsError(f"{name} has {entry!r}; expected a lemur_core.Entry")
    if not listed:
        raise SettingsError(f"{name} is empty; expected one or more")
    return listed


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{name} is {value!r}; expected a number")
    return float(value)


def _duration(name: str, value: Any) -> float:
    seconds = seconds_of(value) if isinstance(value, str) else None
    if not seconds:
        raise SettingsError(
            f"{name} is {value!r}; expected a duration with its unit, as in 90s, 10m or 1h30m"
        )
    return seconds


def _keep(name: str, value: Any) -> Keep:
    if isinstance(value, bool):
        return Keep.BEST if value else Keep.NO
    if value not in list(Keep):
        raise SettingsError(f"{name} is {value!r}; expected {', '.join(Keep)}")
    return Keep(value)


def _keep_checkpoints(name: str, value: Any) -> Keep:
    choices = (Keep.NO, Keep.BEST, Keep.EVERY)
    if value not in choices:
        raise SettingsError(f"{name} is {value!r}; expected {', '.join(choices)}")
    return Keep(value)


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r}; expected true or false")
    return value


_SWITCHES = ("checkpoint", "in_process", "download", "skip_corrupt", "adopt")
_TEXTS = (
    "device", "sampler", "pruner", "estimator", "class_weights", "continues", "user", "db",
)  # fmt: skip
_LIMITS = ("epoch_limit", "trial_limit", "memory_limit", "time")
_READERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("patterns", "task", "dataset", "metric", "net"), _texts),
    **dict.fromkeys(
        ("trials", "epochs", "fail_attempts", "finish_best", "seeds", "folds"), _integer
    ),
    "seed": _seed,
    **dict.fromkeys(("workers", "threads"), _integer),
    **dict.fromkeys((*_LIMITS, "audit", "validation"), _number),
    **dict.fromkeys(_SWITCHES, _switch),
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("transform", "freeze"), _names),
    "tracker": _selections,
    "time": _duration,
    "gpus": _integers,
    **dict.fromkeys(("data", "weights"), _path),
    "points": lambda _, given: read_points(given),
    "entries": _entries,
    "keep_weights": _keep,
    "keep_checkpoints": _keep_checkpoints,
}
