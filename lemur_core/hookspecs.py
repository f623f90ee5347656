"""The hooks a plugin may implement. Read this page first.

A plugin is an installed distribution with one entry point in the group ``lemur_core`` that names a
light module:

    [project.entry-points.lemur_core]
    seg = "lemur_seg.plugin"

That module imports `lemur_core` and nothing heavy, and holds functions marked with `hookimpl`. The
registering hooks take no arguments, have no side effects and return entries, which are text: what
an entry names is imported when it is used. A plugin is taken whole or not at all.

The life-cycle hooks are for trackers. They run in the process that writes the results, in pluggy's
order and with its wrappers; one that raises is reported once and does not stop the run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from lemur_core.entry import Entry
    from lemur_core.trial import Epoch, Outcome, Trial

hookspec = pluggy.HookspecMarker("lemur_core")
hookimpl = pluggy.HookimplMarker("lemur_core")
"""Marks a function of a plugin module as the implementation of the hook of its name."""


@hookspec
def lemur_register_nets() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return the nets; the interface of each is in `lemur_core.kinds.net`."""


@hookspec
def lemur_register_loaders() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return the loaders of data sets; the interface is in `lemur_core.kinds.loader`."""


@hookspec
def lemur_register_transforms() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return the transforms of inputs; the interface is in `lemur_core.kinds.transform`."""


@hookspec
def lemur_register_metrics() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return the metrics; the interface is in `lemur_core.kinds.metric`."""


@hookspec
def lemur_register_estimators() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return the estimators; the interface is in `lemur_core.kinds.estimator`."""


@hookspec
def lemur_register_exporters() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return the exporters; the interface is in `lemur_core.kinds.exporter`."""


@hookspec
def lemur_register_commands() -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return sub-commands of ``lemur``: each target is a `click.Command`, ``summary`` its help."""


@hookspec
def lemur_trial_started(trial: Trial) -> None:
    """A trial is about to train its first epoch."""


@hookspec
def lemur_epoch_ended(trial: Trial, epoch: Epoch) -> None:
    """An epoch was trained, scored and recorded."""


@hookspec
def lemur_trial_finished(trial: Trial, outcome: Outcome) -> None:
    """A trial ended, in whatever state, and its end was recorded."""
