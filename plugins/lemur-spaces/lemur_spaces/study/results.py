"""The errors of a study's nets on each dataset, as lemur-analysis reads populations."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from pandas import concat

import lemur_core
from lemur_core.errors import LemurError, UnknownNameError
from lemur_spaces.complexity import Complexity
from lemur_spaces.study.record import IDENTITY, of_latest, recorded
from lemur_spaces.study.spec import (
    CLASSES,
    METRICS,
    PRETRAINED,
    TRAINING_ERROR,
    changed_in,
    controlled,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pandas import DataFrame

    from lemur_spaces.study.spec import Condition


_COLUMNS = [
    "trial", "epoch", "accuracy", "validation", "prm", "role", "metric", "scores", "epochs",
    "started", *IDENTITY,
]  # fmt: skip
_OF_RUN = ("epoch", "error", "selection")
# The columns of the errors by each of `METRICS`.
_KINDS = ("top1_error", "top5_error")


class NothingTrainedError(LemurError, LookupError):
    """No training of a study is finished.

    Attributes:
        study: Name of the study.
    """

    def __init__(self, study: str) -> None:
        self.study = study
        super().__init__(f"no training of study {study!r} is finished")


class StudyResults(NamedTuple):
    """What a study recorded.

    Attributes:
        runs: A row per training: ``net``, ``dataset``, ``run``, ``epoch`` (the best by validation),
            ``error`` (on the test split at that epoch, 0 to 1), ``selection`` (the validation
            error), ``top1_error``, ``top5_error`` and ``training_error`` (missing if not recorded;
            the last is only a column if it was recorded for any net), ``control`` (empty,
            ``longer``, ``noise``, ``changed`` or ``pretrained``), ``changed`` (what the control of
            this name changes, as in ``stem=cifar``; only a column if there is one), ``epochs`` (the
            length of the training), ``settings`` (how the nets were trained on the dataset, as in
            the role of its condition), ``classes`` (the dataset's number of classes; only a column
            if it is known for one), and the complexities and numbers of the population's design.
        missing: A row per net and dataset without a finished training: ``net``, ``dataset``, and
            as in ``runs``, the net's complexities and the numbers of its design.
        spec: The population, as in `lemur_spaces.study.record.spec_of`.
    """

    runs: DataFrame
    missing: DataFrame
    spec: Mapping[str, Any]


def read_results(name: str, db: str, conditions: Sequence[Condition] = ()) -> StudyResults:
    """Return the results of a study.

    Args:
        name: Name of the study.
        db: The database.
        conditions: The conditions to return, trained or not; empty means all that have trials.

    Raises:
        UnknownNameError: There is no study of this name.
        NothingTrainedError: No training is finished.
    """
    collection = recorded(name, db)
    if collection is None:
        raise UnknownNameError("study", name, _studies(db), none="none is recorded")
    frame = _epochs(name, db)
    roles = [condition.role for condition in conditions] or sorted(frame["role"].unique())
    parts = [of_latest(part) for role, part in frame.groupby("role") if role in roles]
    if not parts:
        raise NothingTrainedError(name)
    frame = concat(parts)
    designs = _designs(collection.spec)
    frame = frame.assign(
        net=_names(frame["prm"], designs, collection.spec["hyperparameters"]),
        changed=frame["role"].map(changed_in),
    )
    labels = labels_of(sorted({controlled(role)[0] for role in roles}))
    pairs = frame["role"].map(controlled)
    frame = frame.assign(
        dataset=pairs.str[0].map(labels),
        control=pairs.str[1],
        settings=pairs.str[0].str.partition(" ")[2],
    )
    runs = _runs(_with_classes(frame))
    missing = missing_of(runs[runs["control"] == ""], designs["net"], labels.values())
    runs, missing = (rows.merge(designs, on="net") for rows in (runs, missing))
    return StudyResults(runs, missing, collection.spec)


def _epochs(name: str, db: str) -> DataFrame:
    """Return the epochs of a study's trials, with the facts that are recorded."""
    facts = [fact for fact in (TRAINING_ERROR, CLASSES) if _is_recorded(fact, name, db)]
    return lemur_core.data(collection=name, columns=[*_COLUMNS, *facts], db=db)


def _is_recorded(fact: str, name: str, db: str) -> bool:
    try:
        lemur_core.data(collection=name, columns=[fact], max_rows=1, db=db)
    except UnknownNameError:
        return False
    return True


def _with_classes(frame: DataFrame) -> DataFrame:
    """Return the epochs with the number of classes of each dataset, if it is known for one."""
    if CLASSES not in frame.columns or frame[CLASSES].isna().all():
        return frame
    known = frame.dropna(subset=[CLASSES]).groupby("dataset")[CLASSES].first()
    return frame.assign(classes=frame["dataset"].map(known).astype("Int64"))


def missing_of(runs: DataFrame, nets: Iterable[str], datasets: Iterable[str]) -> DataFrame:
    """Return a row for each net and dataset without an error: ``net`` and ``dataset``."""
    from pandas import DataFrame

    rows = runs.dropna(subset=["error"])
    present = set(zip(rows["net"], rows["dataset"], strict=True))
    missing = [(net, at) for at in datasets for net in nets if (net, at) not in present]
    return DataFrame(missing, columns=["net", "dataset"])


def labels_of(roles: Sequence[str]) -> dict[str, str]:
    """Return a short name for each condition: its dataset, with what tells equal ones apart.

    >>> labels_of(["digits px=8 epochs=2", "digits px=16 epochs=2", "mnist px=28 epochs=2"])
    {'digits px=8 epochs=2': 'digits px=8', 'digits px=16 epochs=2': 'digits px=16', \
'mnist px=28 epochs=2': 'mnist'}
    """
    by_dataset: dict[str, list[str]] = {}
    for role in roles:
        by_dataset.setdefault(role.split()[0], []).append(role)
    labels = {}
    for dataset, same in by_dataset.items():
        counts = Counter(part for role in same for part in role.split()[1:])
        for role in same:
            own = [part for part in role.split()[1:] if counts[part] < len(same)]
            labels[role] = " ".join([dataset, *own])
    return labels


def _designs(spec: Mapping[str, Any]) -> DataFrame:
    from pandas import DataFrame

    columns = ["net", *spec["hyperparameters"], *Complexity._fields]
    return DataFrame(spec["designs"], columns=columns)


def _names(prms: Any, designs: DataFrame, hyperparameters: Sequence[str]) -> list[str]:
    """Return the names of the designs that trials have, by their hyperparameters."""
    # Designs do not differ in those that all of them share, and a control changes some of these.
    own = [name for name in hyperparameters if designs[name].nunique() > 1]
    rows = designs[["net", *own]].itertuples(index=False)
    names = {tuple(row[1:]): row[0] for row in rows}
    return [names[tuple(prm[name] for name in own)] for prm in prms]


def _runs(frame: DataFrame) -> DataFrame:
    """Return the best epoch of each training by validation; in a tie, the last."""
    ordered = frame.sort_values(["validation", "epoch"], ascending=False, kind="stable")
    best = ordered.drop_duplicates(["dataset", "control", "trial"])
    runs = best.assign(error=1 - best["accuracy"], selection=1 - best["validation"])
    for column, metric in zip(_KINDS, METRICS.values(), strict=True):
        runs[column] = [_test_error(row, metric) for row in runs.itertuples()]
    runs = runs.rename(columns={"trial": "run"})
    runs = runs.sort_values(["dataset", "control", "net", "started"], ignore_index=True)
    # Nets that are trained from other weights again have further trials of the same role.
    is_repeated = runs.duplicated(["net", "dataset", "control"], keep="last")
    runs = runs[~is_repeated | (runs["control"] != PRETRAINED)]
    columns = ["net", "dataset", "run", *_OF_RUN, *_KINDS]
    if TRAINING_ERROR in runs.columns and runs[TRAINING_ERROR].notna().any():
        runs = runs.rename(columns={TRAINING_ERROR: "training_error"})
        columns += ["training_error"]
    if runs["changed"].any():
        columns += ["changed"]
    if "classes" in runs.columns:
        columns += ["classes"]
    return runs[[*columns, "control", "epochs", "settings"]]


def _test_error(row: Any, metric: str) -> float:
    """Return the test error of an epoch by a metric; NaN if it was not recorded."""
    if row.metric == metric:
        return float(row.error)
    scores = row.scores if isinstance(row.scores, dict) else {}
    return 1 - scores[metric][1] if metric in scores else math.nan


def _studies(db: str) -> list[str]:
    from lemur_spaces.study.record import KIND

    return [summary.name for summary in lemur_core.collections(db=db) if summary.kind == KIND]
