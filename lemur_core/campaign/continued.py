"""Find the trial that a campaign continues."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from lemur_core.continuation import NAME, origin_in
from lemur_core.errors import PatternError, SettingsError
from lemur_core.frozen_layers import NAME as FREEZE
from lemur_core.frozen_layers import patterns_in
from lemur_core.initial_weights import NAME as WEIGHTS
from lemur_core.search.start import Start
from lemur_core.store import schema
from lemur_core.store.database import folder_beside, open_engine
from lemur_core.store.patience import patiently
from lemur_core.store.reading.stored_trial import read_stored_trial
from lemur_core.store.writing.elsewhere import RECIPE as ELSEWHERE
from lemur_core.trial import CLASS_WEIGHTS, ENDED, UNFINISHED, State

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from lemur_core.campaign.plan import Plan
    from lemur_core.settings import Settings
    from lemur_core.store.reading.stored_trial import StoredTrial

# How the command line sets hyperparameters that do not belong to a net.
_FLAGS = {
    NAME: "", WEIGHTS: "--weights FILE", CLASS_WEIGHTS: "--class-weights balanced",
}  # fmt: skip


def continued(settings: Settings) -> tuple[Settings, Start]:
    """Return the settings of a campaign that continues a trial, and where it starts.

    Args:
        settings: Settings whose ``continues`` is not None. If they select no pipelines, the trial's
            own is trained.

    Raises:
        UnknownNameError: There is no such trial, or there are several.
        SettingsError: The trial cannot continue.
    """
    assert settings.continues is not None
    name = settings.continues
    with open_engine(settings.db) as engine:
        stored = patiently(engine, lambda connection: _read(connection, name))
        _check(stored, settings.epochs)
        start = Start(stored, _checkpoint(engine, stored))
        if not patiently(engine, lambda connection: _has_begun(connection, start, settings.epochs)):
            _check_checkpoint(start, settings.epochs)
    uid, transform = str(stored.facts["uid"]), str(stored.prm["transform"])
    return replace(_with_pipeline(settings, stored), transform=(transform,), continues=uid), start


def _read(connection: Connection, name: str) -> StoredTrial:
    """Return a trial, or the one that it continues if it has not ended.

    The same command, with ``last``, names the trial that it has begun.
    """
    stored = read_stored_trial(connection, name)
    origin = origin_in(stored.prm)
    if origin is None or stored.facts["state"] not in UNFINISHED:
        return stored
    return read_stored_trial(connection, origin.uid)


def _with_pipeline(settings: Settings, stored: StoredTrial) -> Settings:
    """Return settings with the parts of the trial's pipeline that the user does not name."""
    if settings.patterns or settings.dataset:
        return settings
    if settings.entries or settings.net:
        task, dataset, metrics = _pattern(stored).split("_")[:3]
        return replace(settings, task=(task,), dataset=(dataset,), metric=tuple(metrics.split(",")))
    return replace(settings, patterns=(_pattern(stored),))


def only_continued(planned: Plan, start: Start) -> Plan:
    """Return a plan with the pipeline of the trial that continues.

    Raises:
        PatternError: The plan lacks it.
    """
    name = start.stored.pipeline
    pipelines = [pipeline for pipeline in planned.pipelines if pipeline.name == name]
    if not pipelines:
        raise PatternError(
            f"the command does not select {name}, the pipeline of trial {start.origin.uid[:8]}; "
            "leave out its dataset and net, or give those of the trial"
        )
    return replace(planned, pipelines=pipelines)


def _check(stored: StoredTrial, epochs: int) -> None:
    """Raise `SettingsError` if a trial cannot continue up to this number of epochs."""
    uid, state = stored.facts["uid"][:8], State(stored.facts["state"])
    if stored.facts["recipe"] == ELSEWHERE or state is State.IMPORTED:
        raise SettingsError(f"trial {uid} was trained elsewhere, so lemur cannot continue it")
    if state in UNFINISHED:
        raise SettingsError(
            f"trial {uid} is {state}; repeat its own command, which resumes it, instead of "
            "--continue"
        )
    if state not in ENDED or not stored.epochs:
        raise SettingsError(f"trial {uid} {state}; only a trial that ended well can continue")
    if patterns_in(stored.prm):
        raise SettingsError(
            f"trial {uid} has frozen layers, {FREEZE}={stored.prm[FREEZE]}; it cannot "
            "continue, because its checkpoint does not record which ones"
        )
    last = stored.epochs[-1].number
    if epochs <= last:
        raise SettingsError(
            f"trial {uid} has {last} epochs already; give its total with --epochs, {last + 1} or "
            "more"
        )


def _checkpoint(engine: Engine, stored: StoredTrial) -> Path:
    from lemur_core.train.checkpoint import StateLostError
    from lemur_core.train.checkpoint_folders import checkpoint_folder

    folder, uid = folder_beside(engine, "checkpoints"), str(stored.facts["uid"])
    try:
        return checkpoint_folder(folder, uid)
    except StateLostError:
        return folder / uid


def _check_checkpoint(start: Start, epochs: int) -> None:
    """Raise `SettingsError` unless there is a checkpoint of the trial's last epoch."""
    from lemur_core.train.checkpoint import StateLostError, saved_epochs

    try:
        saved = saved_epochs(start.folder)
        reason = "no checkpoint of it is kept"
    except StateLostError as error:
        saved, reason = [], str(error)
    numbers = [(epoch.number, epoch.validation, epoch.accuracy) for epoch in saved]
    recorded = start.stored.epochs
    if not saved:
        raise SettingsError(_no_checkpoint(start, epochs, reason))
    if numbers != [(epoch.number, epoch.validation, epoch.accuracy) for epoch in recorded]:
        raise SettingsError(_no_checkpoint(start, epochs, "its checkpoint is of other epochs"))


def _no_checkpoint(start: Start, epochs: int, reason: str) -> str:
    stored = start.stored
    searched = {name: stored.prm[name] for name in sorted(stored.prm) if name not in _FLAGS}
    prm, pipeline = shlex.quote(json.dumps(searched)), shlex.quote(_pattern(stored))
    flags = "".join(f" {flag}" for name, flag in _FLAGS.items() if name in stored.prm and flag)
    return (
        f"trial {start.origin.uid[:8]} cannot continue: {reason}, and weights alone lack the state "
        "of the optimizer. lemur run --keep-checkpoints keeps it; to train from the start instead: "
        f"lemur run {pipeline} --prm {prm} --trials 1 --epochs {epochs}{flags}"
    )


def _has_begun(connection: Connection, start: Start, epochs: int) -> bool:
    """Return whether a trial that continues to this epoch has ended well, or has a state."""
    trial, prm = schema.trial.c, schema.prm.c
    query = (
        select(trial.id)
        .join_from(schema.trial, schema.prm, trial.prm == prm.uid)
        .where(prm.name == NAME, prm.value == start.origin.value, trial.epochs == epochs)
        .where(trial.state.in_([*ENDED, *UNFINISHED]))
    )
    return connection.scalar(query.limit(1)) is not None


def _pattern(stored: StoredTrial) -> str:
    facts = stored.facts
    others = sorted({name for epoch in stored.epochs for name in epoch.scores})
    metrics = ",".join([facts["metric"], *others])
    return f"{facts['task']}_{facts['dataset']}_{metrics}_{facts['nn']}"
