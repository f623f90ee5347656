"""The exceptions that lemur raises.

Each exception derives from `LemurError` and from the built-in exception that it specialises. Its
message says in one line what was given, what was expected and what to do; its parts are also
attributes. The command line prints the message without a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.escapes import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NONE_INSTALLED = "no installed plugin provides any"


class LemurError(Exception):
    """An error that the user can correct; its message is one line."""


class UnknownNameError(LemurError, LookupError):
    """No entry of a kind has this name."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], none: str = _NONE_INSTALLED
    ) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"unknown {kind} {name!r}{hint(name, self.known, none=none)}")


class NoResultsError(UnknownNameError):
    """No results are recorded under this name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        near = hint(name, self.known, none="nothing is recorded")
        LemurError.__init__(self, f"no results of {kind} {name!r}{near}")


class AmbiguousTrialError(UnknownNameError):
    """Several trials match a name.

    Attributes:
        known: What to call each of them, with its id; only the first if there are many.
    """

    def __init__(self, name: str, choices: Sequence[str], count: int) -> None:
        self.kind, self.name, self.known = "trial", name, list(choices)
        more = f" and {count - len(choices):,} more" if count > len(choices) else ""
        LookupError.__init__(
            self,
            f"trial {name!r} could be {count:,} trials: {', '.join(choices)}{more}; name one by "
            "its id",
        )


class AmbiguousNameError(LemurError, LookupError):
    """Several plugins register this name; the full names are unambiguous."""

    def __init__(self, kind: str, name: str, choices: Sequence[str]) -> None:
        self.kind, self.name, self.choices = kind, name, list(choices)
        super().__init__(
            f"{kind} {name!r} is in several plugins; use one of {', '.join(self.choices)}"
        )


class PatternError(LemurError, ValueError):
    """A pattern of pipelines cannot be parsed or matches nothing."""


class SpaceError(LemurError, ValueError):
    """The range of a hyperparameter cannot be parsed, is impossible, or is not used by any net."""


class SettingsError(LemurError, ValueError):
    """A setting of a campaign or option of a command is unknown or invalid."""


class PluginError(LemurError, ImportError):
    """A plugin, or the target of one of its entries, cannot be loaded."""


class MissingPluginError(PluginError):
    """A name is provided by a plugin that is not installed.

    Attributes:
        distribution: Name of the distribution to install.
    """

    def __init__(self, what: str, distribution: str) -> None:
        self.distribution = distribution
        super().__init__(f"{what} needs the plugin {distribution}: pip install {distribution}")


class CodeChangedError(PluginError):
    """A process imported other code of a module than its campaign recorded.

    Attributes:
        name: Name of the entry.
        module: Name of the module.
    """

    def __init__(self, name: str, module: str) -> None:
        self.name, self.module = name, module
        super().__init__(
            f"{name!r}: {module} was edited, and the code that was imported is not the code that "
            "was recorded; restart Python and the campaign"
        )


class ContractError(LemurError, TypeError):
    """The object of an entry does not have the interface of its kind."""


class ShapeError(LemurError, ValueError):
    """The shapes of tensors do not match."""


class MisfitError(LemurError, ValueError):
    """A net cannot process the data of a pipeline, or entries of a pipeline exclude each other."""


class MissingDataError(LemurError, FileNotFoundError):
    """Files of a dataset are missing from the data folder."""


class FetchError(MissingDataError):
    """A file cannot be downloaded, or its content is not as expected."""


class DataChangedError(LemurError, ValueError):
    """A recorded trial was trained on data that differs from the present data."""


class CorruptSampleError(LemurError, ValueError):
    """A sample cannot be decoded.

    Attributes:
        file: Name of the sample's file.
        reason: Why the file cannot be decoded.
    """

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        # Both are arguments of the exception, so that it can be pickled by a loading process.
        super().__init__(file, reason)

    def __str__(self) -> str:
        text = (
            f"{self.file} cannot be decoded: {self.reason}; "
            "repair or remove it, or leave out corrupt files with --skip-corrupt"
        )
        # The name of a file may contain line ends.
        return one_line(text)


class ImageError(LemurError, ValueError):
    """An image file cannot be predicted."""


class LabelError(LemurError, ValueError):
    """A label is not a class of its dataset.

    Attributes:
        value: The label.
    """

    def __init__(self, value: int, text: str) -> None:
        self.value = value
        # Both are arguments of the exception, so that it can be pickled by a loading process.
        super().__init__(value, text)

    def __str__(self) -> str:
        # The name of a file may contain line ends.
        return one_line(str(self.args[1]))


class NotFiniteError(LemurError, ArithmeticError):
    """A loss, weight, output or score is NaN or infinite."""


class WeightsError(LemurError, ValueError):
    """Saved weights cannot be read, or do not belong to the net."""


class RetrainingError(LemurError, RuntimeError):
    """A trial that was trained again did not reach its best epoch."""

    def __init__(self, uid: str, state: str, reason: str) -> None:
        self.uid, self.state, self.reason = uid, state, reason
        super().__init__(f"trial {uid} was trained again and ended as {state}: {reason}")


class WorkerError(LemurError, RuntimeError):
    """A worker process cannot be started."""


class WriteError(LemurError, OSError):
    """A file cannot be written."""

    def __init__(self, path: object, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: cannot be written: {reason}")


class HeldTrialError(LemurError, RuntimeError):
    """A trial cannot be deleted because another process trains it.

    Attributes:
        trial: What to call the trial.
        host: Host of the process; empty if it is unknown.
    """

    def __init__(self, trial: str, host: str) -> None:
        self.trial, self.host = trial, host
        by = f"host {host}" if host else "another process"
        super().__init__(
            f"trial {trial} is being trained by {by}, and nothing was deleted; end that campaign "
            "first"
        )


class StoreError(LemurError, OSError):
    """The database of results cannot be opened, read or written."""


class FactError(LemurError, ValueError):
    """A fact is invalid, or is already recorded with another value."""


class ArtefactError(LemurError, OSError):
    """A file cannot be attached to a trial, or was changed after it was attached."""


class CollectionError(LemurError, ValueError):
    """A collection is invalid, or differs from the recorded collection of the same name."""


class RecordingError(LemurError, ValueError):
    """A value passed to `lemur_core.recording` cannot be recorded."""


class NewerDatabaseError(StoreError):
    """The database was written by a newer version of lemur."""


def error_text(error: BaseException) -> str:
    r"""Return the type of an exception and the first line of its message.

    >>> error_text(ValueError("no number\nin line 3"))
    'ValueError: no number'
    """
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def hint(name: str, known: Sequence[str], *, shown: int = 12, none: str = _NONE_INSTALLED) -> str:
    """Return the end of an error message: near matches of a name, else the known names.

    Args:
        name: The unknown name.
        known: The known names.
        shown: Maximum number of known names in the message.
        none: Why there are no known names, if there are none.

    >>> hint("Resnet", ["ResNet", "VGG"])
    ". Did you mean 'ResNet'?"
    >>> hint("zebra", ["AlexNet", "ResNet"])
    '; there are AlexNet, ResNet'
    >>> hint("zebra", [])
    '; there are none: no installed plugin provides any'
    """
    from difflib import get_close_matches

    if not known:
        return f"; there are none: {none}"
    lower = {choice.lower(): choice for choice in known}
    near = [lower[match] for match in get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    if near:
        return f". Did you mean {' or '.join(map(repr, near))}?"
    more = f" and {len(known) - shown} more" if len(known) > shown else ""
    return f"; there are {', '.join(known[:shown])}{more}"
