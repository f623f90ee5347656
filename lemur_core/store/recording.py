"""Record trainings that run outside lemur, in any framework."""

from __future__ import annotations

import platform
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lemur_core.error_metric import Errors, score_of
from lemur_core.errors import ArtefactError, RecordingError, error_text
from lemur_core.fact import check_own_facts
from lemur_core.json_value import NotJsonError, json_value
from lemur_core.naming import check_name
from lemur_core.restriction import canonical
from lemur_core.sources.code_text import code_text
from lemur_core.store.artefacts import Artefact, check_artefact_name, keep
from lemur_core.store.database import DEFAULT_DB, open_database
from lemur_core.store.facts import check_epoch
from lemur_core.store.trials import TrialId
from lemur_core.store.trouble import LostError
from lemur_core.store.writing.elsewhere import TrialElsewhere
from lemur_core.store.writing.spill import check_not_missing
from lemur_core.store.writing.writer import Writer
from lemur_core.trial import Epoch, Outcome, State
from lemur_core.user import recorded_user

if TYPE_CHECKING:
    from types import TracebackType

_PIPELINE_PARTS = ("task", "dataset", "metric", "net")
_FRAMEWORKS = (
    "torch", "torchvision", "timm", "transformers", "tensorflow", "keras", "jax", "flax", "sklearn",
    "numpy",
)  # fmt: skip
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
_MAX_VALUE_BYTES = 2**16
_REASON_LENGTH, _TRACEBACK_LENGTH = 300, 20_000


def recording(
    pipeline: str,
    prm: Mapping[str, Any],
    *,
    code: Any = None,
    seed: int | None = None,
    epochs: int | None = None,
    device: str | None = None,
    parameters: int | None = None,
    user: str | None = None,
    db: str | Path = DEFAULT_DB,
) -> Recording:
    """Return a context manager that records a training of your own as a trial.

    Call `Recording.epoch` after each epoch: ``with recording(...) as trial:
    trial.epoch(validation=0.8, accuracy=0.75)``.

    An epoch is in the database when `Recording.epoch` returns; if the process is killed, only the
    current epoch is lost. The trial is ``finished`` if the block ends normally, ``interrupted`` on
    Ctrl-C, and ``failed`` with reason and traceback on any other exception, which propagates.
    ``lemur run`` neither counts nor resumes recorded trials, whatever their names and code.

    Args:
        pipeline: ``task_dataset_metric_net``, as in `lemur_core.data`. None of the parts need be
            installed.
        prm: Hyperparameters by name: numbers, strings, bools or other small JSON values.
        code: Code of the net: its text, the path of a file, or the module, class or object that
            defines it, of which the whole file is recorded. None if it is unknown.
        seed: Random seed of the training; None if it is unknown.
        epochs: Planned number of epochs, for display; None if it is unknown.
        device: Device of the training, for example ``cuda:0``.
        parameters: Number of trainable parameters of the net.
        user: Name of the user to record; None takes the environment variable ``LEMUR_USER``, or
            else the login name, and an empty name records none.
        db: A database URL, or the path of an SQLite file, which is created if it does not exist.

    Raises:
        RecordingError: The pipeline's name, a hyperparameter or the code cannot be recorded.
        SettingsError: The name of the user cannot be recorded.
    """
    trial = TrialElsewhere(
        *_pipeline_parts(pipeline),
        _checked_prm(prm),
        None if code is None else code_text(code),
        _integer("seed", seed, 0),
        _integer("epochs", epochs, 1),
        None if device is None else check_name("device", device, RecordingError),
        _integer("parameters", parameters, 0, 2**63),
        user=recorded_user(user),
    )
    return Recording(trial, db)


class Recording:
    """A running trial that is trained outside lemur; `recording` returns it.

    Attributes:
        uid: Unique id of the trial.
    """

    def __init__(self, trial: TrialElsewhere, db: str | Path) -> None:
        self.uid = trial.uid
        self._trial, self._db = trial, db
        self._epochs: list[Epoch] = []
        self._writer: Writer | None = None
        self._id = self._began_ns = 0
        self._is_over = self._is_lost = False

    def __enter__(self) -> Self:
        if self._writer or self._is_over:
            raise RecordingError(f"trial {self.uid[:8]}: has begun already; call recording() again")
        check_not_missing(self._db)
        engine = open_database(self._db)
        try:
            self._writer = Writer(engine, _versions())
            self._id = self._writer.begin_elsewhere(self._trial)
        except BaseException:
            engine.dispose()
            raise
        self._began_ns = time.monotonic_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        writer = self._running
        try:
            writer.finish(self._id, self._outcome(error))
        finally:
            writer.close()
            writer.engine.dispose()
            self._writer, self._is_over = None, True

    def epoch(
        self,
        *,
        validation: float | None = None,
        accuracy: float | None = None,
        errors: tuple[float, float] | None = None,
        loss: float | None = None,
        scores: Mapping[str, tuple[float, float]] | None = None,
        facts: Mapping[str, Any] | None = None,
        seconds: float | None = None,
        validation_loss: float | None = None,
    ) -> Epoch:
        """Record the next epoch; epochs are numbered from 1.

        Args:
            validation: Score on the validation split, 0 to 1.
            accuracy: Score on the test split, 0 to 1, whatever the metric.
            errors: Instead of both, for a metric of which lower values are better: the errors on
                validation and on test, 0 or more, from which the scores follow.
            loss: Mean training loss; None if it is unknown.
            scores: Scores of additional metrics by name, each as (validation, test), 0 to 1.
            facts: Facts of the epoch, as for `lemur_core.record`.
            seconds: Seconds since the training started; None uses the time since the block was
                entered.
            validation_loss: Mean loss on the validation split; None if it is unknown.

        Returns:
            The recorded epoch.

        Raises:
            RecordingError: A score is missing or not between 0 and 1, an error is negative, a loss
                is not finite, or the block has ended.
            FactError: A fact cannot be stored.
            StoreError: The database cannot be written.
        """
        writer, number = self._running, len(self._epochs) + 1
        checked = check_own_facts(facts or {})
        if errors is not None:
            if (validation, accuracy) != (None, None):
                raise RecordingError(f"epoch {number}: expected either scores or errors")
            both = _errors(f"epoch {number}", errors)
            validation, accuracy = score_of(both.validation), score_of(both.test)
            checked |= both.facts(self._trial.metric)
        epoch = Epoch(
            number,
            _loss(f"epoch {number}: loss", loss),
            _score(f"epoch {number}: validation", validation),
            _score(f"epoch {number}: accuracy", accuracy),
            self._duration_ns(number, seconds),
            {
                check_name("metric", name, RecordingError): _pair(f"epoch {number}: {name}", pair)
                for name, pair in (scores or {}).items()
            },
            facts=checked,
            validation_loss=_loss(f"epoch {number}: validation_loss", validation_loss),
        )
        with self._survives_loss():
            writer.record(self._id, epoch)
        self._epochs.append(epoch)
        return epoch

    def record(
        self, facts: Mapping[str, Any], epoch: int | None = None, *, replace: bool = False
    ) -> None:
        """Record facts of the trial or of one of its epochs, as `lemur_core.record` does.

        Raises:
            FactError: A name or value cannot be stored, the epoch does not exist, or a fact is
                already recorded with another value.
            RecordingError: The block has ended.
            StoreError: The database cannot be written.
        """
        writer, number = self._running, check_epoch(epoch)
        with self._survives_loss():
            writer.record_facts(self._id, check_own_facts(facts), number, replace=replace)

    def attach(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        kind: str = "file",
        replace: bool = False,
    ) -> Artefact:
        """Copy a file to the artefacts of the trial, as `lemur_core.attach` does.

        Raises:
            ArtefactError: The file cannot be copied, or its name is taken by different content or
                another kind.
            RecordingError: The block has ended.
            StoreError: The database cannot be written.
        """
        engine = self._running.engine
        source = Path(path)
        name = check_artefact_name(source.name if name is None else name)
        check_name("kind of artefact", kind, ArtefactError)
        return keep(engine, TrialId(self._id, self.uid), source, name, kind, replace=replace)

    @contextmanager
    def _survives_loss(self) -> Iterator[None]:
        """Warn once if the database is lost and continue: results are saved beside it instead."""
        try:
            yield
        except LostError as error:
            if not self._is_lost:
                warnings.warn(str(error), stacklevel=4)
            self._is_lost = True

    @property
    def _running(self) -> Writer:
        if self._writer is None:
            problem = (
                "is over" if self._is_over else "has not begun; use with recording(...) as trial"
            )
            raise RecordingError(f"trial {self.uid[:8]}: {problem}")
        return self._writer

    def _duration_ns(self, number: int, seconds: float | None) -> int:
        if seconds is None:
            return time.monotonic_ns() - self._began_ns
        duration = _number(f"epoch {number}: seconds", seconds)
        if not 0 <= duration < 2**33:
            raise RecordingError(f"epoch {number}: seconds {seconds!r}: expected 0 or more")
        return round(duration * 1e9)

    def _outcome(self, error: BaseException | None) -> Outcome:
        epochs = tuple(self._epochs)
        if error is None:
            return Outcome(State.FINISHED, epochs)
        if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
            return Outcome(State.INTERRUPTED, epochs, "interrupted")
        reason = error_text(error)
        text = "".join(traceback.format_exception(error))
        return Outcome(State.FAILED, epochs, reason[:_REASON_LENGTH], text[-_TRACEBACK_LENGTH:])


def _versions() -> dict[str, str]:
    """Return the versions of Python, lemur and the imported frameworks."""
    versions = {"python": platform.python_version()}
    for name in (
        "lemur-core",
        *(framework for framework in _FRAMEWORKS if framework in sys.modules),
    ):
        distribution = _DISTRIBUTIONS.get(name, name)
        try:
            versions[distribution] = version(distribution)
        except PackageNotFoundError:
            continue
    return versions


def _pipeline_parts(pipeline: Any) -> tuple[str, str, str, str]:
    expected = "expected task_dataset_metric_net, as in img-classification_cifar-10_acc_MyNet"
    parts = pipeline.split("_") if isinstance(pipeline, str) else ()
    if len(parts) != len(_PIPELINE_PARTS):
        raise RecordingError(f"pipeline {pipeline!r}: {expected}")
    task, dataset, metric, net = (
        check_name(what, part, RecordingError)
        for what, part in zip(_PIPELINE_PARTS, parts, strict=True)
    )
    return task, canonical(dataset), metric, net


def _checked_prm(prm: Any) -> dict[str, Any]:
    if not isinstance(prm, Mapping):
        raise RecordingError(f"prm {prm!r}: expected a dictionary of hyperparameters by name")
    checked = {}
    for name, value in prm.items():
        check_name("hyperparameter", name, RecordingError)
        try:
            checked[name] = json_value(value, _MAX_VALUE_BYTES)
        except NotJsonError as error:
            raise RecordingError(f"hyperparameter {name!r}: {error}") from None
    return checked


def _integer(what: str, value: Any, minimum: int, limit: int = 2**31) -> int | None:
    if value is None:
        return None
    number = _json_value(what, value)
    if type(number) is not int or not minimum <= number < limit:
        raise RecordingError(f"{what} {value!r}: expected a whole number, {minimum} or more")
    return number


def _errors(what: str, pair: Any) -> Errors:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise RecordingError(f"{what}: errors {pair!r}: expected those on validation and on test")
    errors = Errors(*(_number(f"{what}: error", error) for error in pair))
    if min(errors) < 0:
        raise RecordingError(f"{what}: errors {pair!r}: expected 0 or more")
    return errors


def _score(what: str, value: Any) -> float:
    score = _number(what, value)
    if not 0 <= score <= 1:
        raise RecordingError(f"{what} {value!r}: expected a score from 0 to 1")
    return score


def _pair(what: str, pair: Any) -> tuple[float, float]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise RecordingError(f"{what} {pair!r}: expected the scores on validation and on test")
    validation, accuracy = pair
    return _score(what, validation), _score(what, accuracy)


def _loss(what: str, value: Any) -> float | None:
    return None if value is None else _number(what, value)


def _number(what: str, value: Any) -> float:
    number = _json_value(what, value)
    if type(number) not in (int, float):
        raise RecordingError(f"{what} {value!r}: expected a number")
    return float(number)


def _json_value(what: str, value: Any) -> Any:
    try:
        return json_value(value, _MAX_VALUE_BYTES)
    except NotJsonError as error:
        raise RecordingError(f"{what} {error}") from None
