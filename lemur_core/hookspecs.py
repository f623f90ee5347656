"""The hooks that a plugin can implement. Read this page first.

A plugin is an installed distribution with one entry point in the group ``lemur_core``. The entry
point names a module that is fast to import:

    [project.entry-points.lemur_core]
    seg = "lemur_seg.plugin"

The module imports `lemur_core` but no large library, and defines functions marked with `hookimpl`.

Each kind of entry in the table `lemur_core.kind.BUILT_IN`, and each kind that a plugin adds, has a
registering hook. Registering hooks take no arguments, have no side effects and return entries.
Entries are text: the object that an entry names is imported when it is used. If anything in a
plugin is invalid, the whole plugin is left out.

`lemur_find_nets` finds nets by name elsewhere, for example in a database.

The life-cycle hooks follow every campaign. Except for `lemur_epoch_trained`, they run in the
process that writes the results, in pluggy's order and with its wrappers. A hook that raises is
reported once, is not called again and does not stop the campaign.
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
"""Marks a function of a plugin module as the implementation of the hook of the same name."""


@hookspec
def lemur_register_kinds() -> Iterable[Kind]:  # type: ignore[empty-body]
    """Return additional kinds of entries; any plugin can register entries of these kinds.

    The hook is called before the registering hooks of all plugins.
    """


def registering(kinds: Iterable[Kind]) -> ModuleType:
    """Return the specifications of the registering hooks of kinds, as a module."""
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
    """Return nets that no plugin registers but this plugin finds by name.

    The hook is called before a campaign is planned, with the names of nets that the user gives
    without a wildcard and that are neither installed nor files. If the campaign trains such a net,
    the user is told ``net NAME was SUMMARY; here it runs with your rights``.

    Args:
        names: Names of nets.
        db: Path or URL of the database that the campaign writes to; the database exists.

    Returns:
        Entries for some of the names, whose targets are files. The ``summary`` of an entry says
        how the net was found, for example ``checked behind walls``.

    Raises:
        LemurError: A net cannot be found, for example because its name is ambiguous. The campaign
            does not start.
    """


@hookspec
def lemur_campaign_started(settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
    """Called when a campaign is about to train and its data is available.

    Args:
        settings: The settings of the campaign.
        pipelines: The pipelines that are trained, in order.
        db: Path or URL of the database of results, without password.
    """


@hookspec
def lemur_trial_started(trial: Trial) -> None:
    """Called when a trial is about to train its first epoch, or its next epoch if it resumes.

    Args:
        trial: The trial; ``trial.done`` holds the epochs that were trained before.
    """


@hookspec
def lemur_epoch_trained(
    trial: Trial, epoch: Epoch, net: Any, folder: Path
) -> Mapping[str, Any] | None:
    """Called with the net when an epoch was trained and scored.

    This is the only hook that runs in the training process. It runs before the next epoch starts,
    and its run time counts as time of the trial.

    Args:
        trial: The trial.
        epoch: The epoch with its scores.
        net: The trained net, in ``eval()`` mode. The hook must not change it. It need not be a
            `torch.nn.Module`; others have the methods of `lemur_core.kinds.foreign_net.ForeignNet`.
        folder: An empty folder for files; it is removed after the hooks return.

    Returns:
        Facts of the epoch by name, which are recorded; None if there are none.
    """


@hookspec
def lemur_epoch_ended(trial: Trial, epoch: Epoch) -> None:
    """Called when an epoch was trained, scored and recorded.

    Args:
        trial: The trial.
        epoch: The epoch with its scores.
    """


@hookspec
def lemur_trial_finished(trial: Trial, outcome: Outcome) -> None:
    """Called when a trial ended in any state and its end was recorded.

    Args:
        trial: The trial.
        outcome: The state and epochs of the trial, and the reason if it failed.
    """


@hookspec
def lemur_campaign_ended(summary: Summary) -> None:
    """Called when a started campaign ended: completed, interrupted or failed.

    Args:
        summary: The number of trials that ended in each state, the best epoch of each pipeline,
            and the database.
    """
