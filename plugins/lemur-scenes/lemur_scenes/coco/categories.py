"""Which categories are chosen, and their classes: 1 and on, in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lemur_core.errors import PatternError, hint
from lemur_scenes.coco.annotations import Annotations


def classes_of(
    annotations: Annotations, wanted: Sequence[str] | None, dataset: str
) -> NDArray[np.int64]:
    """Return the class of each category, int64, shape ``(categories,)``; 0 is not chosen.

    Args:
        annotations: What has the categories.
        wanted: Names, in which hyphens stand for spaces, or ids; None is all.
        dataset: Name of the data set, for errors.

    Raises:
        PatternError: There is no such category.
    """
    if wanted is None:
        return np.arange(1, 1 + len(annotations.category_ids))
    names = {
        _plain(str(name)): index for index, name in enumerate(annotations.category_names.tolist())
    }
    ids = {str(one): index for index, one in enumerate(annotations.category_ids.tolist())}
    chosen = np.zeros(len(annotations.category_ids), np.bool_)
    for one in wanted:
        # A name goes before an id, as some categories are called by numbers.
        index = names.get(_plain(one), ids.get(one))
        if index is None:
            raise PatternError(
                f"data set {dataset!r}: unknown category {one!r}{hint(one, [*names])}"
            )
        chosen[index] = True
    return np.where(chosen, np.cumsum(chosen), 0)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "-")
