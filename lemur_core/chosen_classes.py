"""Which classes the restriction ``imagenet-1k[classes=100]`` keeps.

The classes are the first ones of a random permutation, so those of ``classes=10`` are among those
of ``classes=100``. The permutation is a Fisher-Yates shuffle by a Mersenne Twister with the
restriction's seed, that of ``torch.randperm``. It is drawn with NumPy, whose generator of this kind
is frozen, so neither another machine nor another version chooses other classes.
"""

from __future__ import annotations

import numpy as np

_SEEDS = 2**32


def chosen_classes(classes: int, count: int, seed: int = 0) -> list[int]:
    """Return the indices of the classes that a restriction keeps, sorted.

    Args:
        classes: Number of classes of the whole dataset.
        count: Number of classes to keep, from 0 to ``classes``.
        seed: Seed of the restriction.

    >>> chosen_classes(10, 2)
    [1, 4]
    >>> chosen_classes(10, 3)
    [1, 4, 7]
    """
    drawn = np.random.RandomState(seed % _SEEDS).randint(0, _SEEDS, classes, np.uint32).tolist()
    order = list(range(classes))
    for place in range(count):
        other = place + drawn[place] % (classes - place)
        order[place], order[other] = order[other], order[place]
    return sorted(order[:count])
