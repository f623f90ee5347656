"""``lemur_core.run``: a campaign from Python, with its progress on a terminal or in a notebook."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lemur_core.campaign.run import campaign
from lemur_core.registry import installed
from lemur_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.events import Watch
    from lemur_core.summary import Summary


def run(
    *patterns: str, watch: Watch | None = None, quiet: bool = False, **settings: Any
) -> Summary:
    """Train the pipelines that patterns name, and record every epoch.

    Progress is shown on a terminal and, as lines, in a notebook; elsewhere nothing is printed.

    Args:
        patterns: Patterns as on the command line; without any, the demo is trained.
        watch: Called with each event, in order, instead of showing progress.
        quiet: Whether to show no progress.
        settings: Attributes of `lemur_core.Settings`, for example ``trials=3``. Lists may be given
            for tuples, and a single text for a list of one. A tuple of two numbers is a range,
            ``lr=(1e-4, 1e-1)``.

    Returns:
        The summary of the campaign, which counts failed trials; they do not raise an exception. It
        prints as a table.

    Raises:
        LemurError: The settings are invalid.
    """
    given = Settings.of({"patterns": patterns, **settings})
    if watch is not None:
        return campaign(given, installed(), watch)
    with _progress(quiet=quiet) as show:
        return campaign(given, installed(), show)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Watch]:
    is_notebook = not quiet and _in_notebook()
    if quiet or not (is_notebook or (sys.stdout is not None and sys.stdout.isatty())):
        yield lambda event: None
        return
    from lemur_core.cli.lines import Lines
    from lemur_core.cli.progress import progress_display

    # A live display would need widgets in a notebook.
    display = Lines() if is_notebook else progress_display(quiet=False, as_json=False)
    with display as show:
        yield show


def _in_notebook() -> bool:
    # Only a notebook has imported IPython before.
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console().is_jupyter
