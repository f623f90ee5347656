"""The contract of exporters, which write results in some format.

An exporter's target is a callable ``export(results, path, **options)`` that writes a file or a
folder of files. It reads from ``results``, a `lemur_core.Results`:

    def export(results, path, *, theme="light"):
        frame = results.frame(columns=["nn", "accuracy"])
        path.write_text(frame.to_html(classes=theme))

The options are the callable's keyword-only parameters. Each has a default, whose type (bool, int,
float or str) is the type of the option. ``lemur data --format html:theme=dark`` passes an option.
If a value is out of range, the exporter raises `SettingsError`.

`write` calls an exporter, turns every failure into a one-line error, and never leaves incomplete
files behind.
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
    error_text,
)
from lemur_core.file_entry import named_entry
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
            results: The results that the user selected. They are only read from the database when
                the exporter asks for them.
            path: The file or folder to create. It has the name that the user chose, in an empty
                temporary folder. When the exporter returns, everything in that folder, including
                any other files, is moved to the user's folder.

        Returns:
            What was written, in a few words, for example ``1,234 lines``; None prints nothing.

        Raises:
            SettingsError: An option is out of range.
            OSError: A file cannot be written.
        """
        ...


def exporter(registry: Registry, selection: Selection) -> Exporter:
    """Return the selected exporter, with its options.

    Raises:
        UnknownNameError: There is no such exporter.
        MissingPluginError: The exporter belongs to a plugin that is not installed.
        PluginError: The exporter cannot be imported.
        ContractError: The entry's target is not an exporter.
        SettingsError: There is no such option, or a value is not of the option's type.
    """
    try:
        target = named_entry(registry, "exporter", selection.name).load()
    except UnknownNameError:
        check_provided("exporter", selection.name)
        raise
    return partial(target, **option_values("exporter", target, selection))


def write(export: Exporter, name: str, results: Results, path: Path) -> str | None:
    """Write results with an exporter, and replace ``path`` once everything has been written.

    Args:
        export: The exporter, with its options.
        name: The exporter's name, for error messages.
        results: The results to write.
        path: The file or folder to write. A folder must be empty or not exist.

    Returns:
        The exporter's description of what it wrote; None if it gave none.

    Raises:
        SettingsError: The exporter does not accept the user's filters or options, or needs a
            package that is not installed.
        WriteError: The file or folder cannot be written.
        ContractError: The exporter returned neither text nor None.
        PluginError: The exporter raised any other error, or did not write ``path``.
    """
    with replacement(path, folder=True) as temporary:
        description = _call(export, name, results, temporary)
        results.check_used(f"exporter {name!r}")
        if not temporary.exists():
            raise PluginError(f"exporter {name!r} wrote no {path.name}")
    return description


def _call(export: Exporter, name: str, results: Results, path: Path) -> str | None:
    try:
        description = export(results, path)
    except (LemurError, OSError):
        raise
    except ImportError as error:
        raise SettingsError(
            f"exporter {name!r} needs {error.name or error}, which is not installed"
        ) from error
    # Third-party code may raise anything, and the user must not see a traceback.
    except (Exception, SystemExit) as error:
        raise PluginError(f"exporter {name!r} failed: {error_text(error)}") from error
    if description is not None and not isinstance(description, str):
        raise ContractError(
            f"exporter {name!r} returns {type(description).__name__}; expected text or None"
        )
    return description
