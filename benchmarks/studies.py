"""Database reads and seconds, depending on the number of studies with one trial each.

All nets are one linear layer, so the measurement shows the cost of a study apart from training.
Each campaign runs twice, the second time with nothing to train.

    python benchmarks/studies.py [--studies 10,100,1000]

To measure another commit, run it with that commit's tree first on ``PYTHONPATH``.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from sqlalchemy import Engine, event

from lemur_core import Entry
from lemur_core.campaign.run import campaign
from lemur_core.registry import installed
from lemur_core.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

NET = Path(__file__).with_name("nets") / "Linear.py"


@click.command()
@click.option("--studies", default="10,100,1000", show_default=True, help="Numbers of studies.")
def main(studies: str) -> None:
    """Print the reads and seconds of a campaign for each number of studies."""
    measure(1)  # Imports torch.
    click.echo("studies  reads  each     writes  seconds  each, ms    | again: reads  seconds")
    for number in map(int, studies.split(",")):
        (reads, writes, seconds), (reads_again, _, seconds_again) = measure(number)
        click.echo(
            f"{number:7}  {reads:5}  {reads / number:7.1f}  {writes:6}  {seconds:7.2f}  "
            f"{1000 * seconds / number:11.1f} | {reads_again:12}  {seconds_again:7.2f}"
        )


def measure(number: int) -> list[tuple[int, int, float]]:
    """Return the reads, writes and seconds of a campaign and of its repetition."""
    entries = [
        Entry(f"Linear-{index}", str(NET), ("img-classification",)) for index in range(number)
    ]
    registry = installed().with_entries("bench", "net", entries)
    with TemporaryDirectory() as folder:
        # Do not use the cache of an earlier measurement.
        os.environ["XDG_CACHE_HOME"] = folder
        settings = Settings.of(
            {
                "patterns": ["img-classification_digits[samples=20,test=20]_acc_Linear-*"],
                "trials": 1,
                "epochs": 1,
                "transform": "norm_32",
                "threads": 1,
                "in_process": True,
                "checkpoint": False,
                "db": f"{folder}/results.db",
            }
        )
        return [run_campaign(settings, registry) for _ in range(2)]


def run_campaign(settings: Settings, registry: object) -> tuple[int, int, float]:
    """Run a campaign, and return its reads, writes and seconds."""
    with count_statements() as counts:
        started = time.perf_counter()
        campaign(settings, registry, lambda event: None)
        seconds = time.perf_counter() - started
    writes = sum(counts[word] for word in ("INSERT", "UPDATE", "DELETE"))
    return counts["SELECT"], writes, seconds


@contextmanager
def count_statements() -> Iterator[Counter[str]]:
    """Count the statements of all databases by their first words."""
    counts: Counter[str] = Counter()

    def count(connection, cursor, statement, *others) -> None:  # type: ignore[no-untyped-def]
        counts[statement.split(None, 1)[0].upper()] += 1

    event.listen(Engine, "before_cursor_execute", count)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", count)


if __name__ == "__main__":
    main()
