"""Which categories are chosen, and their classes: 1 and on, in the order of their ids."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from lemur_core.errors import PatternError, hint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from lemur_scenes.coco.annotations import Annotations

# What separates words in names; an option has hyphens only.
_GAP = re.compile(r"[\s_-]+")
_TYPED = re.compile(r"[a-z0-9.-]+")
_LISTED = 12


class UnknownCategoryError(PatternError):
    """A file has no such category.

    Attributes:
        category: The name or id that was asked for.
        listed: The categories that there are, ids and names, as text.
    """

    def __init__(self, dataset: str, category: str | int, near: str, listed: str) -> None:
        super().__init__(f"data set {dataset!r}: unknown category {str(category)!r}{near}")
        self.category, self.listed = category, listed


def classes_of(
    annotations: Annotations, wanted: Sequence[str | int] | None, dataset: str, file: Path
) -> NDArray[np.int64]:
    """Return the class of each category, int64, shape ``(categories,)``; 0 is not chosen.

    Args:
        annotations: What has the categories.
        wanted: Texts that are names, in any case and with hyphens for spaces, or ids; integers are
            ids only. ``name-3`` is the name 3 alone, and ``id-3`` the id 3. None is all.
        dataset: Name of the data set, for errors.
        file: The JSON, for errors.

    Raises:
        PatternError: There is no such category, or several may be meant.
    """
    if wanted is None:
        return np.arange(1, 1 + len(annotations.category_ids))
    known = _Categories(annotations, dataset, file)
    chosen = np.zeros(len(annotations.category_ids), np.bool_)
    chosen[[known.index(one) for one in wanted]] = True
    return np.where(chosen, np.cumsum(chosen), 0)


class _Categories:
    """The categories of a file, by name and by id."""

    def __init__(self, annotations: Annotations, dataset: str, file: Path) -> None:
        self.dataset, self.file = dataset, file
        self.ids: list[int] = annotations.category_ids.tolist()
        self.names: list[str] = [str(name) for name in annotations.category_names.tolist()]
        self.by_id = {str(one): index for index, one in enumerate(self.ids)}
        self.by_name: dict[str, list[int]] = {}
        for index, name in enumerate(self.names):
            self.by_name.setdefault(_plain(name), []).append(index)

    def index(self, wanted: str | int) -> int:
        """Return the index of a category."""
        found = self._meant(wanted)
        if not found:
            listed = self._listed()
            near = f"; there are {listed}"
            if isinstance(wanted, str) and self.ids:
                near = hint(wanted, self._spelled())
            raise UnknownCategoryError(self.dataset, wanted, near, listed)
        if len(found) > 1:
            raise self._ambiguous(str(wanted), found)
        return found[0]

    def _meant(self, wanted: str | int) -> list[int]:
        of_id = [self.by_id[str(wanted)]] if str(wanted) in self.by_id else []
        if isinstance(wanted, int):
            return of_id
        of_name = self.by_name.get(_plain(wanted), [])
        if of_name or of_id:
            return list(dict.fromkeys(of_name + of_id))
        kind, _, rest = wanted.partition("-")
        if kind == "id" and rest in self.by_id:
            return [self.by_id[rest]]
        return self.by_name.get(_plain(rest), []) if kind == "name" else []

    def _ambiguous(self, wanted: str, found: list[int]) -> PatternError:
        named = " or ".join(f"category {self.ids[one]} ({self.names[one]!r})" for one in found)
        ways = " or ".join(f"id-{self.ids[one]}" for one in found)
        return PatternError(
            f"data set {self.dataset!r}: {wanted!r} can mean {named} of {self.file}; write {ways}, "
            "or rename a category"
        )

    def _spelled(self) -> list[str]:
        """Return how each category is chosen: by name where that can be typed and is unique."""
        return [
            name
            if _TYPED.fullmatch(name := _plain(given)) and len(self.by_name[name]) == 1
            else f"id-{one}"
            for one, given in zip(self.ids, self.names, strict=True)
        ]

    def _listed(self) -> str:
        pairs = [f"{one} {name}" for one, name in zip(self.ids, self.names, strict=True)]
        more = f" and {len(pairs) - _LISTED} more" if len(pairs) > _LISTED else ""
        return (", ".join(pairs[:_LISTED]) or "none") + more


def _plain(name: str) -> str:
    composed = unicodedata.normalize("NFC", name).casefold().strip()
    return unicodedata.normalize("NFC", _GAP.sub("-", composed))
