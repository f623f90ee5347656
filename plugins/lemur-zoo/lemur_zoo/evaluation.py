"""What an evaluation of the members of a zoo needs: its images, and the layers of its net."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np

from lemur_zoo.images import load_images
from lemur_zoo.modules import NotMadeOfLayersError, layers_of
from lemur_zoo.storage.header import ZooError

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_zoo.images import ZooImages
    from lemur_zoo.layers import Layers
    from lemur_zoo.zoo import Zoo


def zoo_images(zoo: Zoo, data: Path) -> ZooImages:
    """Load the images that the members of a zoo were trained on.

    Args:
        zoo: The zoo.
        data: Folder of the datasets.

    Raises:
        LemurError: The dataset is missing or has other images than the zoo, or the zoo is imported.
    """
    if not zoo.header.fingerprint:
        raise ZooError(
            f"{zoo.path}: is imported, and does not say which images its members were trained on"
        )
    images = load_images(zoo.spec, data)
    if images.fingerprint != zoo.header.fingerprint:
        raise ZooError(
            f"{zoo.path}: its members were trained on other images of {zoo.spec.dataset!r} than "
            f"those in {data}; set --data to the folder of the first ones"
        )
    return images


def zoo_layers(zoo: Zoo, member: int = 0) -> Layers:
    """Return the layers of the net of a member.

    Raises:
        ZooError: Its net does not consist of the layers of `lemur_zoo.layers`.
    """
    try:
        return layers_of(zoo.net(member), tuple(zoo.header.in_shape[1:]))
    except NotMadeOfLayersError as error:
        raise ZooError(
            f"zoo {zoo.name!r}: net {zoo.spec.net!r} is not a chain of layers: {error}"
        ) from None


def alike_members(zoo: Zoo) -> dict[str, list[int]]:
    """Return the members by activation, except those that have diverged or have no epoch.

    Raises:
        ZooError: There is none.
    """
    alike: dict[str, list[int]] = {}
    for member in zoo.population:
        if zoo.last_epochs[member.number] >= 0 and not zoo.diverged[member.number]:
            alike.setdefault(str(member.values["activation"]), []).append(member.number)
    if not alike:
        raise ZooError(f"zoo {zoo.name!r}: has no member with finite scores")
    return alike


def alike_pairs(zoo: Zoo, count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Return pairs of members with the same activation, drawn at random.

    Args:
        zoo: The zoo.
        count: Number of pairs; there are fewer if the zoo has fewer.
        seed: Seed of the draw.

    Raises:
        ZooError: The zoo has no two such members.
    """
    groups = [numbers for numbers in alike_members(zoo).values() if len(numbers) > 1]
    pairs = [comb(len(numbers), 2) for numbers in groups]
    if not groups:
        raise ZooError(f"zoo {zoo.name!r}: has no two members with the same activation")
    generator = np.random.default_rng(seed)
    drawn: dict[tuple[int, int], None] = {}
    while len(drawn) < min(count, sum(pairs)):
        numbers = groups[generator.choice(len(groups), p=np.array(pairs) / sum(pairs))]
        first, second = sorted(generator.choice(numbers, 2, replace=False).tolist())
        drawn[first, second] = None
    return list(drawn)
