"""The hooks a plugin may implement. Read this page first.

A plugin is an installed distribution with one entry point in the group ``lemur_core`` that names a
light module:

    [project.entry-points.lemur_core]
    seg = "lemur_seg.plugin"

That module imports `lemur_core` and nothing heavy, and holds functions marked with `hookimpl`.

Each kind of entry in the table `lemur_core.kind.BUILT_IN`, and each that a plugin adds to it, has a
registering hook. Registering hooks take no arguments, have no side effects and return entries,
which are text: what an entry names is imported when it is used. A plugin is taken whole or not at
all.

`lemur_find_nets` finds nets by name elsewhere, in a database for example.

The life-cycle hooks are for trackers. Except for `lemur_epoch_trained` they run in the process that
writes the results, in pluggy's order and with its wrappers; one that raises is reported once and
does not stop the run.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from lemur_core.entry import Entry
    from lemur_core.kind import Kind
    from lemur_core.pipeline import Pipeline
    from lemur_core.settings import Settings
    from lemur_core.summary import Summary
    from lemur_core.trial import Epoch, Outcome, Trial

hookspec = pluggy.HookspecMarker("lemur_core")
hookimpl = pluggy.HookimplMarker("lemur_core")
"""Marks a function of a plugin module as the implementation of the hook of its name."""


@hookspec
def lemur_register_kinds() -> Iterable[Kind]:  # type: ignore[empty-body]
    """Return kinds of entries beside the built-in ones; any plugin can then register such entries.

    It is called before the registering hooks of every plugin.
    """


def registering(kinds: Iterable[Kind]) -> ModuleType:
    """Return the specification of each kind's registering hook, ``lemur_register_nets`` say."""
    specifications = ModuleType(f"{__name__}.registering")
    vars(specifications).update({kind.hook: _registering(kind) for kind in kinds})
    return specifications


def _registering(kind: Kind) -> Callable[[], Iterable[Entry]]:
    def register() -> Iterable[Entry]:
        raise NotImplementedError

    register.__name__ = register.__qualname__ = kind.hook
    register.__doc__ = f"Return the {kind.plural}; `{kind.contract}` documents their interface."
    return hookspec(register)


@hookspec
def lemur_find_nets(names: Sequence[str], db: str) -> Iterable[Entry]:  # type: ignore[empty-body]
    """Return nets that no plugin registers and that this plugin finds by their names.

    It is called before a campaign is planned, with the nets that the user names, and not by a
    wildcard, and that are neither installed nor files. A net that the campaign trains is reported
    to the user as ``net NAME was SUMMARY; here it runs with your rights``.

    Args:
        names: Names of nets.
        db: Path or URL of the database that the campaign writes to; it exists.

    Returns:
        Entries with some of these names, whose targets are files. Their ``summary`` says how the
        net was found, ``checked behind walls`` for example.

    Raises:
        LemurError: A name is ambiguous, for example; the campaign does not start.
    """


@hookspec
def lemur_campaign_started(settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
    """A campaign is about to train; its data is there.

    Args:
        settings: The settings of the campaign.
        pipelines: The pipelines that it trains, in order.
        db: The path or URL of the database that its results go to, without a password.
    """


@hookspec
def lemur_trial_started(trial: Trial) -> None:
    """A trial is about to train its first epoch, or the next one if it resumes.

    Args:
        trial: The trial; ``trial.done`` are the epochs that were trained before.
    """


@hookspec
def lemur_epoch_trained(
    trial: Trial, epoch: Epoch, net: Any, folder: Path
) -> Mapping[str, Any] | None:
    """An epoch was trained and scored; the net is at hand.

    This hook alone runs in the process that trains, before the next epoch begins, so that the time
    it takes is part of the trial's.

    Args:
        trial: The trial.
        epoch: The epoch, with its scores.
        net: The trained net, in ``eval()``. It must be left as it is.
        folder: An empty folder for files; it is removed when the hooks have returned.

    Returns:
        Facts of the epoch by name, which are recorded; None records none.
    """


@hookspec
def lemur_epoch_ended(trial: Trial, epoch: Epoch) -> None:
    """An epoch was trained, scored and recorded.

    Args:
        trial: The trial.
        epoch: The epoch, with its scores.
    """


@hookspec
def lemur_trial_finished(trial: Trial, outcome: Outcome) -> None:
    """A trial ended, in whatever state, and its end was recorded.

    Args:
        trial: The trial.
        outcome: Its state, its epochs and, if it failed, the reason.
    """


@hookspec
def lemur_campaign_ended(summary: Summary) -> None:
    """A campaign that had started ended, whether it was done, interrupted or failed.

    Args:
        summary: How many trials ended in each state, the best of each pipeline, and the database.
    """
