"""``lemur predict``: predict image files with a trained net."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import click

from lemur_core.cli import completion
from lemur_core.cli.image_files import image_files
from lemur_core.cli.options import SHARE, data_option, db_option
from lemur_core.cli.output import print_data, print_line, print_text, warn
from lemur_core.cli.table import text_table
from lemur_core.errors import ImageError, LemurError, RetrainingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lemur_core.reproduction.image_predictions import ImagePrediction
    from lemur_core.trial import Epoch

EPILOG = """\b
Examples:
  lemur predict img-classification_digits_acc_ResNet three.png
  lemur predict 1f2e3d4c photos/ more/cat.jpg --top 1 --format csv
  lemur predict digits.safetensors photos/ --format json

A FILE.safetensors holds the net's code, which runs with your rights: only use files of people whose
code you would run."""


@click.command(epilog=EPILOG)
@click.argument(
    "name", metavar="UID|PIPELINE|FILE.safetensors", shell_complete=completion.trials_or_files
)
@click.argument(
    "images", nargs=-1, required=True, metavar="IMAGE|FOLDER...", shell_complete=completion.files
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Output format; json is a list of an object for each image.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Number of classes of each image, the most probable ones; for classification.",
)
@click.option(
    "--score",
    type=SHARE,
    default=0.5,
    show_default=True,
    help="Leave out objects with a lower score; for detection.",
)
@click.option("--device", help="Torch device.  [the trial's, if available]")
@data_option
@db_option
def predict(
    name: str,
    images: Sequence[str],
    form: str,
    top: int,
    score: float,
    device: str | None,
    data: Path,
    db: str,
) -> int:
    """Predict image files with the net of a trial, in its best epoch by validation.

    For a PIPELINE, its best trial by validation is used. The weights are those kept by lemur run
    --keep-weights; if none were kept, the trial is trained again up to its best epoch. A
    FILE.safetensors of kept weights needs no database. Of a FOLDER, all images in it and in its
    subfolders are predicted. Images are read in any size and mode, and transformed as for scoring.

    Exit status: 0 if all images were predicted, 1 if some could not be read, 2 if none was.
    """
    files = image_files(images)

    from lemur_core.kinds.task import Style
    from lemur_core.reproduction.image_predictions import image_predictions, predicting_task
    from lemur_core.reproduction.trained import trained

    try:
        net = trained(name, db=db, data=data, device=device, watch=_print_epoch, say=_say)
    except RetrainingError as error:
        print_line(f"{error.state}: {error.reason}", err=True)
        return 1
    task = predicting_task(net.description)
    skipped: list[LemurError] = []
    style = Style(net.class_names, score, top)
    predictions = list(image_predictions(net, files, style, _skip(skipped, len(files) == 1)))
    if not predictions:
        raise ImageError(f"none of the {len(files)} images could be predicted")
    _PRINT[form](predictions, task.columns)
    return 1 if skipped else 0


def _skip(skipped: list[LemurError], is_only: bool) -> Callable[[LemurError], None] | None:
    def skip(error: LemurError) -> None:
        warn(f"{error}; left out")
        skipped.append(error)

    return None if is_only else skip


def _say(line: str) -> None:
    # Standard output only has the predictions.
    print_line(line, err=True)


def _print_epoch(epoch: Epoch) -> None:
    from lemur_core.cli.wording import epoch_text

    _say(f"epoch {epoch.number}: {epoch_text(epoch)}")


def _print_table(predictions: Sequence[ImagePrediction], columns: Sequence[str]) -> None:
    shown = [column for column in columns if column != "index"]
    every = [row for prediction in predictions for row in prediction.rows]
    forms = [_form([row[column] for row in every]) for column in shown]
    rows = []
    for prediction in predictions:
        cells = [
            [form(row[column]) for column, form in zip(shown, forms, strict=True)]
            for row in prediction.rows
        ]
        for number, row in enumerate(cells or [["-"] * len(shown)]):
            rows.append(["" if number else str(prediction.file), *row])
    print_text(text_table(["image", *shown], rows))


def _form(values: Sequence[Any]) -> Callable[[Any], str]:
    """Return a function that formats the values of a column: shares, or pixels, or as they are."""
    if not all(isinstance(value, float) for value in values):
        return str
    digits = 4 if all(0 <= value <= 1 for value in values) else 1
    return f"{{:.{digits}f}}".format


def _print_csv(predictions: Sequence[ImagePrediction], columns: Sequence[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", *columns])
    for prediction in predictions:
        for row in prediction.rows:
            writer.writerow([prediction.file, *(row[column] for column in columns)])
    print_data(text.getvalue())


def _print_json(predictions: Sequence[ImagePrediction], columns: Sequence[str]) -> None:
    objects = [
        {"image": str(prediction.file), "predictions": prediction.rows}
        for prediction in predictions
    ]
    print_data(json.dumps(objects, ensure_ascii=False, indent=2) + "\n")


_PRINT = {"table": _print_table, "csv": _print_csv, "json": _print_json}
