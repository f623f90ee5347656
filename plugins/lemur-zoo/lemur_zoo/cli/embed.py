"""``lemur zoo embed`` and ``lemur zoo sample``: an auto-encoder of weights, and new nets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lemur_core.commands import data_option, print_line, print_text, show_progress, text_table

if TYPE_CHECKING:
    from lemur_zoo.images import ZooImages
    from lemur_zoo.zoo import Zoo


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--latent",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Number of elements of an embedding.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Epochs of the auto-encoder.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
@click.option("--no-augment", is_flag=True, help="Do not permute the units of members at random.")
def embed(folder: Path, latent: int, epochs: int, seed: int, no_augment: bool) -> None:
    """Train an auto-encoder on the weights of the zoo in DIR, and judge its embedding.

    Properties of members are predicted from their weights w, from statistics s(w), and from the
    embedding. It is stored in DIR/embedding.npz.
    """
    from lemur_zoo.analysis.prediction import default_epochs
    from lemur_zoo.embedding.autoencoder import fit, save
    from lemur_zoo.embedding.judging import judge
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    sampled = sorted({*default_epochs(zoo.epochs), zoo.epochs})
    fitted = fit(
        zoo,
        sampled,
        latent=latent,
        epochs=epochs,
        seed=seed,
        augment=not no_augment,
        show=show_progress,
    )
    show_progress("")
    print_line(
        f"loss {fitted.train:.4f}, on validation members {fitted.validation:.4f} (epoch "
        f"{fitted.epoch}); 1 is that of the mean weights"
    )
    rows = [
        [row.target, row.measure, *(f"{100 * value:.1f}" for value in row[2:])]
        for row in judge(zoo, fitted.model, sampled)
    ]
    headers = ["property", "measure", "from w", "from s(w)", "from the embedding"]
    print_text(text_table(headers, rows))
    path = save(fitted.model, zoo)
    print_line(f"wrote {path}; next: lemur zoo sample {folder}")


@click.command("sample")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--members", type=click.IntRange(1), default=10, show_default=True, help="Of nets.")
@click.option(
    "--epochs", type=click.IntRange(1), default=5, show_default=True, help="Epochs of training."
)
@click.option("--on", "dataset", help="Train on this dataset.  [that of the zoo]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed.")
@data_option
def sample_(
    folder: Path, members: int, epochs: int, dataset: str | None, seed: int, data: Path
) -> None:
    """Sample nets near the best members of the zoo in DIR, and train them beside fresh nets.

    The nets are decoded from the embedding that lemur zoo embed stored, and trained with the best
    member's hyperparameters.
    """
    import numpy as np

    from lemur_zoo.embedding.autoencoder import load
    from lemur_zoo.embedding.sampling import compare
    from lemur_zoo.zoo import Zoo

    zoo = Zoo(folder)
    model = load(zoo)
    images = _images(zoo, dataset, data)
    comparison = compare(
        zoo, model, images, count=members, epochs=epochs, seed=seed, show=show_progress
    )
    show_progress("")
    rows = []
    for epoch, pair in enumerate(zip(*comparison, strict=True)):
        numbers = (
            f"{value:.4f}"
            for accuracies in pair
            for value in (np.median(accuracies), accuracies.max())
        )
        rows.append([str(epoch), *numbers])
    headers = ["epoch", "sampled: test acc (median)", "max", "fresh: test acc (median)", "max"]
    print_text(text_table(headers, rows))


def _images(zoo: Zoo, dataset: str | None, data: Path) -> ZooImages:
    from dataclasses import replace

    from lemur_core.errors import MisfitError
    from lemur_zoo.evaluation import zoo_images
    from lemur_zoo.images import load_images

    if dataset is None:
        return zoo_images(zoo, data)
    channels = zoo.header.in_shape[1]
    spec = replace(zoo.spec, dataset=dataset, channels=channels, validation=None)
    images = load_images(spec, data)
    if images.classes != zoo.header.classes:
        raise MisfitError(
            f"--on {dataset}: has {images.classes} classes, and the members of the zoo "
            f"{zoo.header.classes}; name a dataset with as many"
        )
    return images
