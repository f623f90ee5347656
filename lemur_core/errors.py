"""Every error lemur raises on purpose.

Each derives from `LemurError` and from the builtin it specialises, says in one line what was given,
what was expected and what to do, and keeps its parts as attributes. The command line shows the line
without a traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.escapes import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NONE_INSTALLED = "no installed plugin provides any"


class LemurError(Exception):
    """A mistake the user can mend; its text is one line."""


class UnknownNameError(LemurError, LookupError):
    """No entry of this kind has this name."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], none: str = _NONE_INSTALLED
    ) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"unknown {kind} {name!r}{hint(name, self.known, none=none)}")


class AmbiguousNameError(LemurError, LookupError):
    """Several plugins register this name; the full names tell them apart."""

    def __init__(self, kind: str, name: str, choices: Sequence[str]) -> None:
        self.kind, self.name, self.choices = kind, name, list(choices)
        super().__init__(
            f"{kind} {name!r} is in several plugins; say which: {', '.join(self.choices)}"
        )


class PatternError(LemurError, ValueError):
    """A pattern of pipelines that cannot be read or matches nothing."""


class SpaceError(LemurError, ValueError):
    """A hyperparameter's range that cannot be read, is impossible, or nothing uses."""


class SettingsError(LemurError, ValueError):
    """A setting of a run that is unknown or out of range."""


class PluginError(LemurError, ImportError):
    """A plugin, or the target of one of its entries, that cannot be loaded."""


class MissingPluginError(PluginError):
    """A name that belongs to a plugin which is not installed.

    Attributes:
        distribution: What to install.
    """

    def __init__(self, what: str, distribution: str) -> None:
        self.distribution = distribution
        super().__init__(f"{what} needs the plugin {distribution}: pip install {distribution}")


class CodeChangedError(PluginError):
    """A module that a process imported holds other code than its campaign recorded.

    Attributes:
        name: The entry.
        module: The module.
    """

    def __init__(self, name: str, module: str) -> None:
        self.name, self.module = name, module
        super().__init__(
            f"{name!r}: {module} was edited, and the code that was imported is not the code that "
            "was recorded; start Python and the campaign again"
        )


class ContractError(LemurError, TypeError):
    """An entry's object does not have the interface of its kind."""


class ShapeError(LemurError, ValueError):
    """Tensors whose shapes do not go together."""


class MisfitError(LemurError, ValueError):
    """A net that cannot take the data it was given."""


class MissingDataError(LemurError, FileNotFoundError):
    """A data set's files are not in the data folder."""


class FetchError(MissingDataError):
    """A file that cannot be fetched, or is not what it should be."""


class DataChangedError(LemurError, ValueError):
    """A recorded trial was trained on other data than the data at hand."""


class CorruptSampleError(LemurError, ValueError):
    """A sample that cannot be decoded: its file, and why."""

    def __init__(self, file: str, reason: str) -> None:
        self.file, self.reason = file, reason
        # Both are kept as its arguments, so that it comes whole from a process that loads.
        super().__init__(file, reason)

    def __str__(self) -> str:
        text = (
            f"{self.file} cannot be decoded: {self.reason}; "
            "mend or remove it, or leave such files out with --skip-corrupt"
        )
        # A file's name may hold what ends a line.
        return one_line(text)


class LabelError(LemurError, ValueError):
    """A label that is no class of its data set.

    Attributes:
        value: The label.
    """

    def __init__(self, value: int, text: str) -> None:
        self.value = value
        # Both are kept as its arguments, so that it comes whole from a process that loads.
        super().__init__(value, text)

    def __str__(self) -> str:
        # A file's name may hold what ends a line.
        return one_line(str(self.args[1]))


class NotFiniteError(LemurError, ArithmeticError):
    """A loss, weight, output or score that is NaN or infinite."""


class WeightsError(LemurError, ValueError):
    """Kept weights that cannot be read, or are another net's."""


class RetrainingError(LemurError, RuntimeError):
    """A trial that was trained again and did not come to its best epoch."""

    def __init__(self, uid: str, state: str, reason: str) -> None:
        self.uid, self.state, self.reason = uid, state, reason
        super().__init__(f"trial {uid} was trained again and ended as {state}: {reason}")


class WorkerError(LemurError, RuntimeError):
    """No worker process can be started."""


class WriteError(LemurError, OSError):
    """A file that cannot be written."""

    def __init__(self, path: object, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: cannot be written: {reason}")


class StoreError(LemurError, OSError):
    """The database of results cannot be opened, read or written."""


class FactError(LemurError, ValueError):
    """A fact that cannot be kept, or is recorded already with another value."""


class ArtefactError(LemurError, OSError):
    """A file that cannot be attached to a trial, or is not as it was attached."""


class CollectionError(LemurError, ValueError):
    """A collection that cannot be made, or differs from the one of its name."""


class RecordingError(LemurError, ValueError):
    """Something that cannot be recorded of a training elsewhere."""


class NewerDatabaseError(StoreError):
    """The database was written by a newer lemur than this one."""


def hint(name: str, known: Sequence[str], *, shown: int = 12, none: str = _NONE_INSTALLED) -> str:
    """Return the end of an error line: a near match of ``name``, else what is known.

    Args:
        name: What was given.
        known: What there is.
        shown: How many of these are shown at most.
        none: Why there is nothing, where nothing is known.

    >>> hint("Resnet", ["AlexNet", "ResNet"])
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
    rest = f" and {len(known) - shown} more" if len(known) > shown else ""
    return f"; there are {', '.join(known[:shown])}{rest}"
