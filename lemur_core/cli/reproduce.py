"""``lemur reproduce``: repeat a recorded trial and compare the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli import completion
from lemur_core.cli.filters import arguments_of, filter_options
from lemur_core.cli.options import data_option, db_option
from lemur_core.cli.output import print_line, print_lines
from lemur_core.error_metric import Errors, error_number
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from lemur_core.trial import Epoch

_BEST = "best"
EPILOG = """\b
Examples:
  lemur reproduce 1f2e3d4c
  lemur reproduce best
  lemur reproduce best --dataset digits --net ResNet"""


@click.command(epilog=EPILOG)
@click.argument("uid", metavar="UID", shell_complete=completion.trials)
@click.option("--device", help="Torch device.  [as recorded]")
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="CPU threads; results depend on their number, so give the number used in the campaign.",
)
@click.option(
    "--weights",
    metavar="FILE.safetensors",
    type=click.Path(path_type=Path),
    help="File of the weights that the trial started with, if it did not start from scratch.",
)
@filter_options
@data_option
@db_option
@click.pass_context
def reproduce(
    context: click.Context,
    /,
    uid: str,
    device: str | None,
    threads: int,
    weights: Path | None,
    data: Path,
    db: str,
    **filters: Any,
) -> None:
    """Repeat the trial UID from its recorded code, hyperparameters and seed.

    UID is the id of a trial or the beginning of one, its number, last, best, or a pipeline. "best"
    is the trial with the highest validation score of those that the options filter, which must have
    the same task, dataset and metric.
    Nothing is recorded. Exit status 1 if a result or the data differs.
    """
    from lemur_core.errors import DataChangedError
    from lemur_core.registry import installed
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.stored_trial import read_stored_trial

    if uid == _BEST:
        uid = _best(db, filters)
    elif any(filters.values()):
        raise SettingsError(f"filters choose among trials, and {uid!r} is one; write best instead")
    with open_engine(db) as engine:
        recorded = patiently(engine, lambda connection: read_stored_trial(connection, uid))

    import torch

    from lemur_core.reproduction.reproduce import reproduce as repeat

    torch.set_num_threads(threads)
    try:
        result = repeat(
            recorded,
            installed(),
            data,
            device,
            lambda epoch: print_line(_epoch_text(epoch, recorded.facts["metric"])),
            weights,
        )
    except DataChangedError as error:
        print_lines([str(error), "not the same"])
        context.exit(1)
    for difference in result.differences:
        print_line(
            f"epoch {difference.epoch}: {difference.name} was {difference.recorded!r}, "
            f"is {difference.again!r}"
        )
    for line in result.changed:
        print_line(line)
    if result.outcome.reason:
        print_line(f"{result.outcome.state}: {result.outcome.reason}")
    print_line("the same" if result.same else "not the same")
    context.exit(0 if result.same else 1)


def _epoch_text(epoch: Epoch, metric: str) -> str:
    """Return the test score of an epoch; the error if the metric gives errors."""
    errors = Errors.among(epoch.facts, metric)
    result = f"{epoch.accuracy:.4f}" if errors is None else error_number(errors.test)
    return f"epoch {epoch.number}: {result}"


def _best(db: str, given: dict[str, Any]) -> str:
    """Print which trial is the best of those that match filters, and return its unique id."""
    from lemur_core.store.database import open_engine
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.reader import filters_of
    from lemur_core.store.reading.standings import best_epoch

    filters = filters_of(**arguments_of(db, given))
    with open_engine(db) as engine:
        best = patiently(engine, lambda connection: best_epoch(connection, filters))
    if best.errors is not None:
        score = best.errors.text(best.pipeline.split("_")[2])
    elif best.validation is None or best.validation != best.validation:
        score = f"test {best.accuracy:.4f}, as no validation score is recorded"
    else:
        score = f"validation {best.validation:.4f}, test {best.accuracy:.4f}"
    print_line(f"trial {best.uid}: epoch {best.epoch} of {best.pipeline}, {score}")
    return best.uid
