"""``lemur zoo list`` and ``lemur zoo show``: published zoos, and what a folder holds."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import print_line, print_text, text_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_zoo.zoo import Zoo


@click.command("list")
def list_() -> None:
    """List the published zoos; lemur zoo make makes each also of another dataset."""
    from lemur_zoo.spec.published import PUBLISHED

    rows = [
        [
            spec.name,
            spec.dataset,
            spec.net,
            f"{spec.px}",
            f"{spec.members:,}",
            f"{spec.epochs}",
            *map(str, spec.factors["schedule"]),
        ]
        for spec in PUBLISHED.values()
    ]
    print_text(text_table(["zoo", "dataset", "net", "px", "members", "epochs", "schedule"], rows))
    print_line("next: lemur zoo make digits-small --out DIR, or mnist-seed@digits for a dataset")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def show(folder: Path) -> None:
    """Show what the zoo in DIR consists of, and how good its members are."""
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    for name, text in _lines(zoo):
        print_line(f"{name:<12}{text}")
    if zoo.epochs < 0:
        print_line(f"next: lemur zoo extend {folder}")
        return
    print_text(_table(zoo))
    is_done = zoo.header.provenance or zoo.epochs >= zoo.header.epochs
    step = "report" if is_done else "extend"
    print_line(f"next: lemur zoo {step} {folder}")


def _lines(zoo: Zoo) -> Iterator[tuple[str, str]]:
    spec, header = zoo.spec, zoo.header
    yield "zoo", spec.name
    yield "images", f"{spec.dataset}, {_images(zoo)}"
    yield "net", f"{spec.net} with {header.width:,} parameters"
    splits = zoo.members["split"].value_counts()
    counts = ", ".join(
        f"{splits.get(name, 0):,} {name}" for name in ("train", "validation", "test")
    )
    yield "members", f"{len(zoo):,} ({counts})"
    for name, values in spec.factors.items():
        if len(values) > 1:
            yield "varies", f"{name}: {', '.join(map(str, values))}"
    epochs = f"0 to {zoo.epochs}" if zoo.epochs >= 0 else "none yet"
    yield "epochs", f"{epochs}, of {header.epochs}"
    yield "diverged", f"{int(zoo.diverged.sum()):,}"
    if header.provenance:
        yield "imported", header.provenance


def _images(zoo: Zoo) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in zoo.header.images.items())
    _, channels, height, width = zoo.header.in_shape
    size = f"{channels}x{height}x{width}, {zoo.header.classes} classes"
    return f"{size} ({counts})" if counts else size


def _table(zoo: Zoo) -> str:
    rows = []
    for epoch in sorted({0, 1, zoo.epochs // 4, zoo.epochs // 2, zoo.epochs}):
        if epoch > zoo.epochs:
            continue
        scores = zoo.metrics.query("epoch == @epoch")
        test = scores["test_accuracy"]
        rows.append(
            [
                str(epoch),
                _number(scores["train_loss"].median()),
                _number(scores["train_accuracy"].median()),
                _number(test.median()),
                _number(test.min()),
                _number(test.max()),
            ]
        )
    headers = ["epoch", "train loss", "train acc", "test acc (median)", "min", "max"]
    return text_table(headers, rows)


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.4f}"
