"""Exporters of results: the contract.

An exporter's target is a callable ``export(results, path, **options)`` that writes a file, or a
folder of files, in some format. ``results``, a `lemur_core.Results`, is what it reads from:

    def export(results, path, *, theme="light"):
        frame = results.frame(columns=["nn", "accuracy"])
        path.write_text(frame.to_html(classes=theme))

The options are its keyword-only parameters, each with a default, whose type, bool, int, float or
str, is that of the option. ``lemur data --format html:theme=dark`` passes one. A value out of range
raises `SettingsError`.

`write` calls an exporter so that every failure is one line and leaves nothing half-written.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from lemur_core.errors import (
    ContractError,
    LemurError,
    PluginError,
    SettingsError,
    UnknownNameError,
)
from lemur_core.files import replacement
from lemur_core.options import Selection, option_values
from lemur_core.plugin_names import check_provided

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.registry import Registry
    from lemur_core.store.reading.results import Results


class Exporter(Protocol):
    """Writes results to a file or a folder."""

    def __call__(self, results: Results, path: Path) -> str | None:
        """Write ``results`` to ``path``.

        Args:
            results: What the user selected. Only what is asked of it is read.
            path: The file or folder to make. Its name is the one that the user gave; it lies in an
                empty folder, from which everything is moved to the user's when the exporter
                returns, other files beside it included.

        Returns:
            What was written, in some words, ``1,234 lines`` say; None says nothing.

        Raises:
            SettingsError: An option is out of range.
            OSError: A file cannot be written.
        """
        ...


def exporter(registry: Registry, selection: Selection) -> Exporter:
    """Return the exporter that a user selects, with its options.

    Raises:
        UnknownNameError: There is no such exporter.
        MissingPluginError: It belongs to a plugin that is not installed.
        PluginError: It cannot be imported.
        ContractError: It is none.
        SettingsError: It has no such option, or a value is not of its type.
    """
    try:
        target = registry.get("exporter", selection.name).load()
    except UnknownNameError:
        check_provided("exporter", selection.name)
        raise
    return partial(target, **option_values("exporter", target, selection))


def write(export: Exporter, name: str, results: Results, path: Path) -> str | None:
    """Write results with an exporter; what is at ``path`` is replaced when all is written.

    Args:
        export: The exporter, with its options.
        name: Its name, for error messages.
        results: What is written.
        path: The file, or the folder, which must then be empty or not be there.

    Returns:
        What the exporter says it wrote.

    Raises:
        SettingsError: It does not take the user's filters or options, or wrote nothing.
        WriteError: The file or folder cannot be written.
        PluginError: It raised anything else.
    """
    with replacement(path, folder=True) as made:
        said = _call(export, name, results, made)
        results.check_used(f"exporter {name!r}")
        if not made.exists():
            raise PluginError(f"exporter {name!r} wrote no {path.name}")
    return said


def _call(export: Exporter, name: str, results: Results, path: Path) -> str | None:
    try:
        said = export(results, path)
    except (LemurError, OSError):
        raise
    except ImportError as error:
        raise SettingsError(
            f"exporter {name!r} needs {error.name or error}, which is not installed"
        ) from error
    # A stranger's exporter may raise anything, and the user must not read a traceback.
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise PluginError(f"exporter {name!r} failed: {why}") from error
    if said is not None and not isinstance(said, str):
        raise ContractError(
            f"exporter {name!r} returns {type(said).__name__}; expected text or None"
        )
    return said
