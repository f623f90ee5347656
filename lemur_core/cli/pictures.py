"""``lemur show pictures``: samples, their targets and a net's predictions, side by side."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from lemur_core.cli.options import data_option, db_option
from lemur_core.errors import PluginError, SettingsError, UnknownNameError
from lemur_core.files import replacement

if TYPE_CHECKING:
    from PIL.Image import Image
    from sqlalchemy import Connection, Engine

    from lemur_core.pictures.draw import Draw
    from lemur_core.store.reading.told import Told
    from lemur_core.train.data import Bundles
    from lemur_core.trial import Epoch, Trial


@click.command()
@click.argument("name", metavar="PIPELINE|UID")
@click.option(
    "--count", type=click.IntRange(1), default=8, show_default=True, help="Samples to show."
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Draws them from the test split."
)
@click.option(
    "--score",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Boxes of a lower score are not shown.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="File to write.  [the name, .png]",
)
@click.option("--device", help="A torch device; the trial's, if it is here, unless it is given.")
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
    """Write a picture of samples of the test split: input, target, and what the net predicts.

    A PIPELINE stands for its best trial by validation. The net has the weights that lemur run
    --keep-weights has kept; where there are none, the trial is trained again up to its best epoch.
    """
    output = output or Path(f"{name.replace('/', '-')}.png")
    _check_output(output)
    told, file = _find(name, db, data)
    click.echo(f"trial {told.facts['uid']} of {told.pipeline}")

    from lemur_core.pictures.draw import DRAWN, Style
    from lemur_core.pictures.grid import grid
    from lemur_core.registry import installed
    from lemur_core.search.predict import device_of, draw_samples, predict
    from lemur_core.search.reproduce import bundles_of, check_same_data, recorded

    draw, bundles = _of_task(DRAWN, told), bundles_of(told, data)
    with recorded(told, installed(), device_of(told, device)) as trial:
        bundle = bundles.get(trial.pipeline)
        check_same_data(told, bundles.record(trial.pipeline))
        with _weights(told, trial, bundles, file) as kept:
            samples = draw_samples(bundle, count, seed)
            examples, epoch = predict(trial, bundle, kept, samples)
    style = Style(bundle.class_names, score)
    _save(grid([draw(example, style) for example in examples], style), output)
    scores = f"validation {epoch.validation:.4f}, test {epoch.accuracy:.4f}"
    click.echo(f"wrote {output}: {len(examples)} samples, epoch {epoch.epoch}, {scores}")


def _check_output(output: Path) -> None:
    # All of it before a net is trained for minutes.
    if output.suffix.lower() != ".png":
        raise SettingsError(f"{output}: expected a name that ends in .png")
    if not output.parent.is_dir():
        raise SettingsError(f"{output}: there is no directory {output.parent}")
    if importlib.util.find_spec("PIL") is None:
        raise PluginError(
            "pictures are drawn with Pillow, which is not installed; "
            "pip install 'lemur-core[pictures]'"
        )


def _find(name: str, db: str, folder: Path) -> tuple[Told, Path]:
    """Return the trial, and the file where its weights are, if they are kept."""
    from lemur_core.store.database import beside, opened
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.standings import best_trial
    from lemur_core.store.reading.told import tell

    # Only names of pipelines hold it.
    is_pipeline = "_" in name

    def found(connection: Connection) -> Told:
        uid = best_trial(connection, name) if is_pipeline else name
        return tell(connection, uid)

    with opened(db) as engine:
        told = patiently(engine, found)
        if is_pipeline:
            told = _best_on_data(engine, told, folder)
        return told, beside(engine, "weights") / f"{told.facts['uid']}.safetensors"


def _best_on_data(engine: Engine, best: Told, folder: Path) -> Told:
    """Return the best trial of a pipeline on the data in a folder, or else the best of all."""
    from lemur_core.registry import installed
    from lemur_core.search.reproduce import bundles_of, recorded
    from lemur_core.store.datasets import on_data
    from lemur_core.store.patience import patiently
    from lemur_core.store.reading.standings import best_trial
    from lemur_core.store.reading.told import tell

    with recorded(best, installed()) as trial:
        only = on_data(trial.pipeline, bundles_of(best, folder).record(trial.pipeline))

    def found(connection: Connection) -> Told:
        return tell(connection, best_trial(connection, best.pipeline, only))

    # Where there is none, what differs is told of the best of all.
    with suppress(UnknownNameError):
        return patiently(engine, found)
    return best


def _of_task(drawn: Mapping[str, Draw], told: Told) -> Draw:
    task = told.facts["task"]
    if task not in drawn:
        raise SettingsError(
            f"{task}: what its nets predict is no picture; those of {', '.join(drawn)} are drawn"
        )
    return drawn[task]


@contextmanager
def _weights(told: Told, trial: Trial, bundles: Bundles, kept: Path) -> Iterator[Path]:
    """Give the file of a trial's weights; they are trained first where they were not kept."""
    from lemur_core.cli.wording import epoch_text
    from lemur_core.search.predict import train_again
    from lemur_core.train.kept import copy
    from lemur_core.trial import State

    if kept.is_file():
        yield kept
        return

    def said(epoch: Epoch) -> None:
        click.echo(f"epoch {epoch.number}: {epoch_text(epoch)}")

    if told.best is None:
        raise SettingsError(f"trial {told.facts['uid']} has no epoch; expected a trained one")
    best = told.best.number
    click.echo(f"there is no {kept}: training it again, to epoch {best}, its best")
    # Where training is ended early, weights of no meaning are left nowhere.
    with TemporaryDirectory(prefix="lemur-pictures-") as folder:
        file = Path(folder) / kept.name
        outcome = train_again(trial, bundles, best, file, said)
        if outcome.state is not State.FINISHED:
            click.echo(f"{outcome.state}: {outcome.reason}")
            raise click.exceptions.Exit(1)
        # Where that cannot be written, in another's folder say, the picture can still be drawn.
        with suppress(OSError):
            copy(file, kept)
            click.echo(f"kept its weights in {kept}")
        yield file


def _save(image: Image, output: Path) -> None:
    with replacement(output) as path:
        image.save(path, "PNG")
