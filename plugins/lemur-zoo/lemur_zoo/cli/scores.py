"""``lemur zoo scores`` and ``lemur zoo spectra``: scores by class, calibration, singular values."""

from __future__ import annotations

from pathlib import Path

import click

from lemur_core.commands import data_option, print_line, print_text, text_table

_CSV = click.option(
    "--csv",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the values of all members to this file.",
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Images that are scored.",
)
@_CSV
@data_option
def scores(folder: Path, split: str, csv: Path | None, data: Path) -> None:
    """Show how right the members of the zoo in DIR are for each class, and their calibration."""
    from lemur_zoo.cli.tables import write_csv
    from lemur_zoo.confidence import zoo_confidence
    from lemur_zoo.evaluation import zoo_images
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    images = zoo_images(zoo, data)
    frame = zoo_confidence(zoo, getattr(images, split))
    names = dict(
        zip((f"class_{i}" for i in range(zoo.header.classes)), images.class_names, strict=False)
    )
    rows = []
    for name in frame.columns.drop("member"):
        column = frame[name]
        numbers = (column.median(), column.min(), column.max())
        label = f"accuracy of {names[name]}" if name in names else name.replace("_", " ")
        rows.append([label, *(f"{number:.4f}" for number in numbers)])
    print_text(text_table([f"{split}, {len(frame):,} members", "median", "min", "max"], rows))
    if csv is not None:
        write_csv(frame, csv)
        print_line(f"wrote {csv}")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--epoch", type=int, default=-1, help="Number of the epoch.  [each member's last]")
@_CSV
def spectra(folder: Path, epoch: int, csv: Path | None) -> None:
    """Show the singular values of the layers of the members of the zoo in DIR.

    Values are medians over the members: the spectral norm, the stable and effective rank, and the
    condition number.
    """
    from lemur_zoo.cli.tables import write_csv
    from lemur_zoo.spectra import zoo_spectra
    from lemur_zoo.storage.header import ZooError
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    frame = zoo_spectra(zoo, epoch)
    if frame.empty:
        raise ZooError(f"zoo {zoo.name!r}: has no member with finite scores after epoch {epoch}")
    medians = frame.drop(columns="member").groupby("layer", sort=False).median()
    rows = [
        [layer, *(f"{value:.4g}" for value in row)]
        for layer, row in zip(medians.index, medians.to_numpy(), strict=True)
    ]
    headers = ["layer", *(name.replace("_", " ") for name in medians.columns)]
    print_text(text_table(headers, rows))
    if csv is not None:
        write_csv(frame, csv)
        print_line(f"wrote {csv}")
