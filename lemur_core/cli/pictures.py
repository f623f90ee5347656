"""``lemur show pictures``: draw samples, their targets and a net's predictions side by side."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.cli import completion
from lemur_core.cli.options import SHARE, data_option, db_option
from lemur_core.cli.output import print_line, warn
from lemur_core.cli.text import counted
from lemur_core.entry import Entry
from lemur_core.errors import PluginError, RetrainingError, SettingsError
from lemur_core.files import replacement
from lemur_core.registry import installed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from lemur_core.kinds.task import Draw
    from lemur_core.trial import Epoch


@click.command()
@click.argument("name", metavar="PIPELINE|UID", shell_complete=completion.trials)
@click.option(
    "--count", type=click.IntRange(1), default=8, show_default=True, help="Number of samples."
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed with which the samples are drawn from the test split.",
)
@click.option(
    "--score",
    type=SHARE,
    default=0.5,
    show_default=True,
    help="Hide boxes with a lower score.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="File to write.  [PIPELINE|UID.png]",
)
@click.option("--device", help="Torch device.  [the trial's, if available]")
@data_option
@db_option
def pictures(
    name: str,
    count: int,
    seed: int,
    score: float,
    output: Path | None,
    device: str | None,
    data: Path,
    db: str,
) -> None:
    """Draw samples of the test split: input, target and prediction of the net.

    For a PIPELINE, its best trial by validation is used. The weights are those kept by lemur run
    --keep-weights; if none were kept, the trial is trained again up to its best epoch.
    """
    output = output or Path(f"{name.replace('/', '-')}.png")
    _check_output(output)

    from lemur_core.kinds.task import Style
    from lemur_core.pictures.grid import grid
    from lemur_core.reproduction.predict import draw_samples, predict
    from lemur_core.reproduction.restore import find, restore

    recorded, file = find(name, db, data)
    draw = _drawer(recorded.facts["task"])
    try:
        trained = restore(recorded, file, data, device, _print_epoch, print_line)
    except RetrainingError as error:
        print_line(f"{error.state}: {error.reason}")
        raise click.exceptions.Exit(1) from None
    samples = draw_samples(trained.bundle, count, seed)
    examples = predict(trained, samples)
    style = Style(_drawable(trained.bundle.class_names), score)
    _save(grid([draw(example, style) for example in examples], style), output)
    scores = f"validation {trained.validation:.4f}, test {trained.accuracy:.4f}"
    print_line(f"wrote {output}: {len(examples)} samples, epoch {trained.epoch}, {scores}")


def _drawable(names: Sequence[str]) -> list[str]:
    from lemur_core.pictures.fonts import drawable_names

    shown, missing = drawable_names(names)
    if missing:
        warn(
            f"no installed font has the characters of {counted(len(missing), 'class name')}, such "
            f"as {missing[0]!r}; shown by number. Fonts such as Noto Sans have them"
        )
    return shown


def _print_epoch(epoch: Epoch) -> None:
    from lemur_core.cli.wording import epoch_text

    print_line(f"epoch {epoch.number}: {epoch_text(epoch)}")


def _check_output(output: Path) -> None:
    # Checked before a net is possibly trained for minutes.
    if output.suffix.lower() != ".png":
        raise SettingsError(f"{output}: expected a name that ends in .png")
    if not output.parent.is_dir():
        raise SettingsError(f"{output}: there is no directory {output.parent}")
    if importlib.util.find_spec("PIL") is None:
        raise PluginError(
            "pictures are drawn with Pillow, which is not installed; "
            "pip install 'lemur-core[pictures]'"
        )


def _drawer(name: str) -> Draw:
    """Return the function that draws samples of a task."""
    from lemur_core.kinds.task import as_task

    entries = installed().names("task")
    drawers = {task: as_task(entry.load(), task).drawer for task, entry in entries.items()}
    drawable = sorted(task for task, drawer in drawers.items() if drawer)
    if name not in drawable:
        raise SettingsError(
            f"{name}: predictions of this task cannot be drawn; those of {', '.join(drawable)} can"
        )
    draw: Draw = Entry(name, drawers[name]).load()
    return draw


def _save(image: Image, output: Path) -> None:
    with replacement(output) as path:
        image.save(path, "PNG")
