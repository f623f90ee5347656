"""What a campaign is asked to do, from flags, a TOML file, or Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.entry import Entry
from lemur_core.errors import SettingsError, hint
from lemur_core.points import Point, read_points
from lemur_core.space import EXECUTION, Given, parse_range
from lemur_core.trial import Keep

if TYPE_CHECKING:
    from lemur_core.train.limits import TrialLimits
    from lemur_core.train.start import WorkerStart


@dataclass(frozen=True)
class Settings:
    """A campaign's settings.

    Attributes:
        patterns: Pipelines and patterns, or paths of net files; none is the demo.
        task: Names or wildcards; likewise the next three.
        dataset: Of the data set.
        metric: Of the metric.
        net: Of the net, or the paths of files.
        entries: Nets that no plugin registers; in Python only.
        transform: Of the transforms to search; none is all that fit.
        trials: How many each pipeline shall have; negative, how many more.
        points: Hyperparameters that each pipeline is trained with once, instead of a search; a list
            of mappings, or the path of a JSONL or CSV file.
        epochs: Of each trial.
        prm: Ranges by hyperparameter, written as `lemur_core.space` says.
        seed: Seeds the search and, through it, every trial.
        device: A torch device; ``auto`` takes a GPU where there is one.
        gpus: Numbers of the GPUs to use, in turn, a worker each; instead of ``device``.
        workers: Processes that train at once; None is one, or one for each of ``gpus``.
        threads: CPU threads of each worker; None shares the cores among them. One makes runs
            repeatable to the last bit.
        sampler: Name of Optuna's, ``TPE`` say.
        pruner: Name of Optuna's, ``Median`` say; ``Nop`` prunes nothing.
        estimator: Name of what predicts final scores and stops trials when it has settled, with its
            options: ``peng4nn:threshold=0.5``; None trains all to their end.
        audit: Share of the trials that are trained to their end all the same, 0 to 1, to see how
            true its predictions are.
        fail_attempts: Trials in a row that may fail before a pipeline is set aside.
        checkpoint: Keep each trial's state after each epoch, so that it can go on from there.
        keep_weights: Whose weights are kept of each trial: ``no``, ``best`` (its best epoch by
            validation; ``True`` means that too), ``last``, or ``every`` epoch.
        weights: A safetensors file with the weights that each trial begins with; None begins from
            scratch. A point may name its own.
        in_process: Train in this process, for debuggers; the next three then hold nothing.
        epoch_limit: Minutes that an epoch may take.
        trial_limit: Minutes that a trial may take; None is no limit.
        memory_limit: GiB of memory that a trial's process may take; None is no limit.
        db: Database URL, or path of an SQLite file.
        data: Folder of the data sets.
        download: Fetch data sets that are missing and named without a wildcard, where their
            loaders can.
        adopt: Record trials of older versions, which do not say what data they were trained on, as
            trained on the data sets at hand.
        skip_corrupt: Decode all samples that are in files once, and leave out those that cannot be.

    Raises:
        SettingsError: A value is out of range.
        SpaceError: A range of ``prm`` cannot be read.
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
    prm: Mapping[str, Given] = field(default_factory=dict)
    seed: int = 0
    device: str = "auto"
    gpus: tuple[int, ...] = ()
    workers: int | None = None
    threads: int | None = None
    sampler: str = "TPE"
    pruner: str = "Nop"
    estimator: str | None = None
    audit: float = 0.0
    fail_attempts: int = 3
    checkpoint: bool = True
    keep_weights: Keep = Keep.NO
    weights: Path | None = None
    in_process: bool = False
    epoch_limit: float = 30.0
    trial_limit: float | None = None
    memory_limit: float | None = None
    db: str = "lemur.db"
    data: Path = Path("data")
    download: bool = False
    skip_corrupt: bool = False
    adopt: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "fail_attempts"):
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
        self._check_audit()
        for name, given in self.prm.items():
            parse_range(name, given)
        if self.trials == 0:
            raise SettingsError(
                "trials is 0; expected a number, or a negative one for that many more"
            )

    def _check_audit(self) -> None:
        if not 0 <= self.audit <= 1:
            raise SettingsError(f"audit is {self.audit}; expected a share, 0 to 1")
        if self.audit and self.estimator is None:
            raise SettingsError("audit is of an estimator's predictions; name one with estimator")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Return settings from names and values, as a TOML file has them.

        A single text stands for a list of one; a name that is no setting's is a hyperparameter's
        where it is of `SHORT_PRM`; others go under ``prm``.

        Raises:
            SettingsError: A name is unknown, or a value of the wrong type.
        """
        known = {one.name: one for one in fields(cls)}
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
        if "transform" in prm:
            values["transform"] = _names("transform", prm.pop("transform"))
        return cls(**values, prm=prm)

    @property
    def workers_wanted(self) -> int:
        """How many trials are trained at once."""
        return self.workers or len(self.gpus) or 1

    def start(self) -> WorkerStart:
        """Return how the processes are started that train."""
        from lemur_core.train.start import WorkerStart

        return WorkerStart(self.data, self.threads, self.workers_wanted)

    def limits(self) -> TrialLimits:
        """Return what a trial may take, in seconds and bytes."""
        from lemur_core.train.limits import TrialLimits

        return TrialLimits(
            epoch_s=self.epoch_limit * 60,
            trial_s=None if self.trial_limit is None else self.trial_limit * 60,
            memory_bytes=None if self.memory_limit is None else round(self.memory_limit * 2**30),
        )


def prm_of(given: Mapping[str, Any]) -> dict[str, Given]:
    """Return the hyperparameters among settings: those under ``prm``, and the common ones.

    Raises:
        SettingsError: ``prm`` is no mapping.
    """
    prm = given.get("prm", {})
    if not isinstance(prm, Mapping):
        raise SettingsError(f"prm is {prm!r}; expected names and values")
    return dict(prm) | {name: given[name] for name in SHORT_PRM if name in given}


SHORT_PRM = ("lr", "batch", "momentum", "dropout", *EXECUTION)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str) for t in texts):
        raise SettingsError(f"{name} is {value!r}; expected a text or a list of texts")
    return tuple(texts)


def _names(name: str, value: Any) -> tuple[str, ...]:
    return tuple(part.strip() for text in _texts(name, value) for part in text.split(","))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str | Path):
        raise SettingsError(f"{name} is {value!r}; expected a text")
    return str(value)


def _path(name: str, value: Any) -> Path:
    return Path(_text(name, value))


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingsError(f"{name} is {value!r}; expected an integer")
    return value


def _integers(name: str, value: Any) -> tuple[int, ...]:
    numbers = value.split(",") if isinstance(value, str) else value
    try:
        found = tuple(int(number) for number in numbers)
    except (TypeError, ValueError):
        found = ()
    if not found or min(found) < 0:
        raise SettingsError(f"{name} is {value!r}; expected numbers, 0,1 say")
    return found


def _entries(name: str, value: Any) -> tuple[Entry, ...]:
    entries = (value,) if isinstance(value, Entry) else value
    if not isinstance(entries, Iterable) or isinstance(entries, str):
        raise SettingsError(f"{name} is {value!r}; expected a list of entries")
    found = tuple(entries)
    for one in found:
        if not isinstance(one, Entry):
            raise SettingsError(f"{name} has {one!r}; expected a lemur_core.Entry")
    if not found:
        raise SettingsError(f"{name} is empty; expected one or more")
    return found


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SettingsError(f"{name} is {value!r}; expected a number")
    return float(value)


def _keep(name: str, value: Any) -> Keep:
    if isinstance(value, bool):
        return Keep.BEST if value else Keep.NO
    if value not in list(Keep):
        raise SettingsError(f"{name} is {value!r}; expected {', '.join(Keep)}")
    return Keep(value)


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r}; expected true or false")
    return value


_SWITCHES = ("checkpoint", "in_process", "download", "skip_corrupt", "adopt")
_LIMITS = ("epoch_limit", "trial_limit", "memory_limit")
_READERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("patterns", "task", "dataset", "metric", "net"), _texts),
    **dict.fromkeys(("trials", "epochs", "seed", "fail_attempts"), _integer),
    **dict.fromkeys(("workers", "threads"), _integer),
    **dict.fromkeys((*_LIMITS, "audit"), _number),
    **dict.fromkeys(_SWITCHES, _switch),
    **dict.fromkeys(("device", "sampler", "pruner", "estimator", "db"), _text),
    "transform": _names,
    "gpus": _integers,
    **dict.fromkeys(("data", "weights"), _path),
    "points": lambda _, given: read_points(given),
    "entries": _entries,
    "keep_weights": _keep,
}
