"""The contract of trackers, which pass the progress of trials on to another program.

A tracker's target is a callable ``make(**options)`` that returns a `Tracker` for one campaign;
usually it is a subclass:

    class Log(Tracker):
        def __init__(self, *, file="trials.log"):
            self._file = Path(file)

        def trial_finished(self, trial, outcome):
            with self._file.open("a") as log:
                print(trial.uid, outcome.state, file=log)

The options are the callable's keyword-only parameters. Each has a default, whose type (bool, int,
float or str) is the type of the option. ``lemur run --tracker log:file=a.log`` passes an option.

A dry run creates trackers too, so creating one checks its options and that the libraries that it
needs are installed, and writes nothing. `Tracker.campaign_started` opens files and connections.
Whatever is raised until then ends the campaign with one line, before anything is trained. A tracker
that raises later is reported once and closed, and the campaign continues without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_core.errors import (
    ContractError,
    LemurError,
    PluginError,
    SettingsError,
    UnknownNameError,
    error_text,
)
from lemur_core.file_entry import named_entry
from lemur_core.options import Selection, option_values
from lemur_core.plugin_names import check_provided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.pipeline import Pipeline
    from lemur_core.registry import Registry
    from lemur_core.settings import Settings
    from lemur_core.summary import Summary
    from lemur_core.trial import Epoch, Outcome, Trial


class Tracker:
    """Follows the trials of one campaign; a subclass overrides the methods that it needs.

    The methods are called in the process that writes the results, with arguments by name. With
    several workers, several trials run at the same time, and their calls are interleaved.
    """

    def campaign_started(self, settings: Settings, pipelines: Sequence[Pipeline], db: str) -> None:
        """Open what the tracker writes to.

        Args:
            settings: The settings of the campaign.
            pipelines: The pipelines that are trained, in order.
            db: Path or URL of the database of results, without password.
        """

    def trial_started(self, trial: Trial) -> None:
        """Take a trial that is about to train its first epoch, or its next epoch if it resumes.

        Args:
            trial: The trial. ``trial.uid`` stays the same when it resumes. ``trial.done`` holds the
                epochs that were trained before; the last of them may not have been passed to any
                tracker, if the campaign was killed.
        """

    def epoch_ended(self, trial: Trial, epoch: Epoch) -> None:
        """Take an epoch that was trained, scored and recorded.

        Args:
            trial: The trial.
            epoch: The epoch with its scores.
        """

    def trial_finished(self, trial: Trial, outcome: Outcome) -> None:
        """Take the end of a trial in any state; an interrupted trial may resume later.

        Args:
            trial: The trial.
            outcome: The state and epochs of the trial, and the reason if it failed.
        """

    def campaign_ended(self, summary: Summary) -> None:
        """Close what the tracker writes to; the campaign completed, was interrupted, or failed.

        Args:
            summary: The number of trials that ended in each state, and the best epoch of each
                pipeline.
        """

    def close(self) -> None:
        """Close what is still open, after another method raised; what this raises is ignored."""


def selected_tracker(registry: Registry, selection: Selection) -> Tracker:
    """Return the selected tracker, with its options.

    Raises:
        UnknownNameError: There is no such tracker.
        MissingPluginError: The tracker belongs to a plugin that is not installed.
        LemurError: The tracker cannot be imported or created; see `make_tracker`.
    """
    try:
        entry = named_entry(registry, "tracker", selection.name)
    except UnknownNameError:
        check_provided("tracker", selection.name)
        raise
    return make_tracker(entry.load(), selection)


def make_tracker(target: Any, selection: Selection) -> Tracker:
    """Return the tracker that the target of an entry makes with the selected options.

    Raises:
        ContractError: The target does not make a tracker.
        SettingsError: There is no such option, a value is invalid, or a library is not installed.
        PluginError: The target raises anything else.
    """
    name = selection.name
    options = option_values("tracker", target, selection)
    try:
        tracker = target(**options)
    except LemurError:
        raise
    except ImportError as error:
        raise SettingsError(
            f"tracker {name!r} needs {error.name or error}, which is not installed"
        ) from error
    # Foreign code may raise anything, and the user must not see a traceback.
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"tracker {str(selection)!r} cannot be created: {cause(error)}"
        ) from error
    if not isinstance(tracker, Tracker):
        raise ContractError(
            f"tracker {name!r}: gives {type(tracker).__name__}; expected a "
            "lemur_core.kinds.tracker.Tracker"
        )
    return tracker


def cause(error: BaseException) -> str:
    """Return the type and the first line of the message of an exception.

    >>> cause(OSError(28, "No space left on device"))
    'OSError: [Errno 28] No space left on device'
    """
    if isinstance(error, LemurError):
        return str(error)
    return error_text(error).removesuffix(": ")
