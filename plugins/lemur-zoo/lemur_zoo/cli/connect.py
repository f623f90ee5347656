"""``lemur zoo connect`` and ``lemur zoo average``: lines between members, and their averages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import (
    data_option,
    print_line,
    print_text,
    show_progress,
    text_table,
)

if TYPE_CHECKING:
    from pandas import DataFrame

    from lemur_zoo.zoo import Zoo


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--pairs", type=click.IntRange(1), default=10, show_default=True, help="Of members.")
@click.option(
    "--points",
    type=click.IntRange(3),
    default=11,
    show_default=True,
    help="Points of each line, ends included.",
)
@click.option(
    "--csv", type=click.Path(path_type=Path, dir_okay=False), help="Write all points to this file."
)
@data_option
def connect(folder: Path, pairs: int, points: int, csv: Path | None, data: Path) -> None:
    """Show the test scores on the straight lines between members of the zoo in DIR.

    Pairs of members with the same activation are drawn at random. Each line is shown as it is, and
    with the units of the second member aligned with those of the first.
    """
    from lemur_zoo.cli.tables import write_csv
    from lemur_zoo.zoo import Zoo

    frame = _lines(Zoo(folder), pairs, points, data)
    show_progress("")
    rows = [
        [
            f"{first} and {second}",
            *(
                f"{part[name].iloc[0]:.4f}"
                for name in ("barrier", "accuracy_barrier")
                for part in (of_pair[~of_pair["aligned"]], of_pair[of_pair["aligned"]])
            ),
        ]
        for (first, second), of_pair in frame.groupby(["first", "second"], sort=False)
    ]
    headers = ["members", "loss barrier", "aligned", "accuracy barrier", "aligned"]
    print_text(text_table(headers, rows))
    columns = ["first", "second", "aligned"]
    medians = frame.drop_duplicates(columns).groupby("aligned")["barrier"].median()
    print_line(f"median loss barrier: {medians[False]:.4f}, aligned {medians[True]:.4f}")
    if csv is not None:
        write_csv(frame, csv)
        print_line(f"wrote {csv}")


def _lines(zoo: Zoo, pairs: int, points: int, data: Path) -> DataFrame:
    from pandas import DataFrame

    from lemur_zoo.connectivity import paths
    from lemur_zoo.connectivity.units import Units
    from lemur_zoo.evaluation import alike_pairs, zoo_images, zoo_layers

    images = zoo_images(zoo, data)
    rows = []
    drawn = alike_pairs(zoo, pairs)
    for place, (first, second) in enumerate(drawn, 1):
        show_progress(f"pair {place} of {len(drawn)}")
        layers = zoo_layers(zoo, first)
        units = Units(layers, tuple(zoo.header.in_shape[1:]))
        fixed, other = zoo.weights(first), zoo.weights(second)
        lines = paths.connect(layers, units, fixed, other, images.test, points)
        for aligned, path in ((False, lines.plain), (True, lines.aligned)):
            barriers = (path.barrier, path.accuracy_barrier)
            rows += [
                [first, second, aligned, *point, *barriers] for point in zip(*path, strict=True)
            ]
    names = ["first", "second", "aligned", "share", "loss", "accuracy"]
    return DataFrame(rows, columns=[*names, "barrier", "accuracy_barrier"])


@click.command("average")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--members",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    help="At most so many members of each activation, the first ones.",
)
@data_option
def average(folder: Path, members: int, data: Path) -> None:
    """Show the accuracy of averages of the weights of members of the zoo in DIR.

    A soup is the mean of the members' weights, with or without alignment of their units; a greedy
    soup has those members that do not lower the validation accuracy. The ensemble averages class
    probabilities.
    """
    from lemur_zoo.connectivity.averages import averages_of
    from lemur_zoo.connectivity.units import Units
    from lemur_zoo.evaluation import alike_members, zoo_images, zoo_layers
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    images = zoo_images(zoo, data)
    rows = []
    for activation, numbers in alike_members(zoo).items():
        chosen = numbers[:members]
        show_progress(f"activation {activation}")
        layers = zoo_layers(zoo, chosen[0])
        units = Units(layers, tuple(zoo.header.in_shape[1:]))
        for result in averages_of(layers, units, zoo.at(-1, chosen), *images[1:3]):
            scores = (f"{result.validation:.4f}", f"{result.test:.4f}")
            rows.append([activation, result.name, str(result.members), *scores])
    show_progress("")
    print_text(text_table(["activation", "net", "members", "validation", "test acc"], rows))
