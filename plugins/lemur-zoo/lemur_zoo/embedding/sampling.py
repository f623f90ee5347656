"""Sample weights from an embedding, and train them beside fresh ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from lemur_zoo.embedding.autoencoder import embed
from lemur_zoo.engine.choice import choose
from lemur_zoo.evaluation import alike_members
from lemur_zoo.images import pipeline_of
from lemur_zoo.members import GroupState, MemberSettings
from lemur_zoo.nets import ZooNet
from lemur_zoo.schedule import CONSTANT
from lemur_zoo.storage.header import ZooError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import float32, float64
    from numpy.typing import NDArray

    from lemur_zoo.embedding.autoencoder import AutoEncoder
    from lemur_zoo.images import ZooImages
    from lemur_zoo.spec.population import ZooMember
    from lemur_zoo.zoo import Zoo

_BEST = 0.2
_FEWEST = 3


def anchors_of(zoo: Zoo) -> list[int]:
    """Return the members that new ones are sampled near, the best first.

    They are the best fifth of the training members with the same activation as the best one, by
    validation accuracy, and at least 3 if there are so many.
    """
    accuracies = zoo.members["validation_accuracy"]
    numbers = [
        [number for number in alike if zoo.population[number].split == "train"]
        for alike in alike_members(zoo).values()
    ]
    ranked = [sorted(group, key=lambda number: -accuracies[number]) for group in numbers if group]
    best = max(ranked, key=lambda group: accuracies[group[0]])
    return best[: max(_FEWEST, round(_BEST * len(best)))]


@torch.no_grad()
def sample(
    zoo: Zoo, model: AutoEncoder, count: int, generator: np.random.Generator
) -> NDArray[float32]:
    """Return sampled weights, ``(count, parameters)``.

    Each element of an embedding is drawn on its own from a Gaussian kernel density estimate of the
    anchors' with Scott's bandwidth, as in Schürholt, Mahoney, Borth: Towards Scalable and Versatile
    Weight Space Learning (SANE), ICML 2024 (section 3.4), and decoded.

    Args:
        zoo: The zoo.
        model: Its auto-encoder.
        count: Number of nets.
        generator: What draws.
    """
    known = embed(model, zoo.at(-1, anchors_of(zoo))).astype(np.float64)
    bandwidths = known.std(axis=0, ddof=1) * len(known) ** -0.2
    centres = generator.integers(len(known), size=(count, known.shape[1]))
    drawn = np.take_along_axis(known, centres, axis=0)
    drawn += bandwidths * generator.standard_normal(drawn.shape)
    weights: NDArray[float32] = model.decode(torch.from_numpy(drawn.astype(np.float32))).numpy()
    return weights


class Comparison(NamedTuple):
    """Test accuracies after each epoch, ``(epochs + 1, nets)``, from 0, before training.

    Attributes:
        sampled: Those of nets that begin from sampled weights.
        fresh: Those of nets that begin from the initial weights of the zoo's net.
    """

    sampled: NDArray[float64]
    fresh: NDArray[float64]


def compare(
    zoo: Zoo,
    model: AutoEncoder,
    images: ZooImages,
    *,
    count: int,
    epochs: int,
    seed: int = 0,
    show: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Train sampled and fresh nets with the hyperparameters of the best member.

    Args:
        zoo: The zoo.
        model: Its auto-encoder.
        images: The images that they are trained on, of the zoo's shape and number of classes.
        count: Number of nets of each kind.
        epochs: Number of epochs.
        seed: Seed of what is drawn.
        show: Called with a line on each epoch.

    Raises:
        ZooError: The nets have running statistics, which cannot be sampled, or are trained with a
            learning rate that changes or with changed images.
    """
    if zoo.header.buffers:
        raise ZooError(
            f"zoo {zoo.name!r}: its nets have running statistics, such as "
            f"{zoo.header.buffers[0].name}, which are not sampled; name a zoo of nets without "
            "batch normalisation"
        )
    best = zoo.population[anchors_of(zoo)[0]]
    if best.values["schedule"] != CONSTANT or zoo.spec.augment:
        raise ZooError(
            f"zoo {zoo.name!r}: its nets are trained with a learning rate that changes, or with "
            "changed images, which sampled nets are not; name a zoo without them"
        )
    members = [replace(best, number=index, seed=seed + 1 + index) for index in range(count)]
    sampled = sample(zoo, model, count, np.random.default_rng(seed))
    net = ZooNet(pipeline_of(zoo.spec).net_entry, images.in_shape, images.classes, zoo.spec.width)
    rows = np.concatenate([sampled, net.initial(members)])
    settings = _settings([*members, *members])
    values = best.values
    built = net.build(values)
    engine = choose(built, tuple(images.in_shape[1:])).engine(
        str(values["optimizer"]), int(values["batch"]), settings, images.train, built
    )
    state = GroupState(rows, np.zeros_like(rows), np.zeros_like(rows))
    accuracies = [engine.scores(state, images.test).accuracy]
    for epoch in range(1, epochs + 1):
        show(f"epoch {epoch} of {epochs}")
        engine.train_epoch(state, epoch)
        accuracies.append(engine.scores(state, images.test).accuracy)
    return Comparison(*np.split(np.stack(accuracies), 2, axis=1))


def _settings(members: list[ZooMember]) -> MemberSettings:
    def column(name: str) -> NDArray[float32]:
        return np.array([member.values[name] for member in members], np.float32)

    names = ("lr", "momentum", "weight_decay", "dropout")
    seeds = np.array([member.seed for member in members], np.int64)
    return MemberSettings(seeds, *map(column, names))
