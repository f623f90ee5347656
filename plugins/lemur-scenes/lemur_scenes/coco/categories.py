"""Select categories, and number their classes from 1 in the order of their ids."""

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

# The separators of words in names; options only contain hyphens.
_GAP = re.compile(r"[\s_-]+")
_TYPED = re.compile(r"[a-z0-9.-]+")
_LISTED = 12


class UnknownCategoryError(PatternError):
    """A file has no such category.

    Attributes:
        category: The name or id that was selected.
        listed: The ids and names of the existing categories, as text.
    """

    def __init__(self, dataset: str, category: str | int, near: str, listed: str) -> None:
        super().__init__(f"dataset {dataset!r}: unknown category {str(category)!r}{near}")
        self.category, self.listed = category, listed


def classes_of(
    annotations: Annotations, selection: Sequence[str | int] | None, dataset: str, file: Path
) -> NDArray[np.int64]:
    """Return the class of each category, int64, shape ``(categories,)``; 0 if not selected.

    Args:
        annotations: The annotations with the categories.
        selection: Names or ids of categories. A string is a name, case-insensitive and with hyphens
            for spaces, or an id; ``name-3`` is only the name 3, and ``id-3`` only the id 3. An
            integer is an id. None selects all.
        dataset: The name of the dataset, for errors.
        file: The JSON file, for errors.

    Raises:
        PatternError: There is no such category, or a string matches several.
    """
    if selection is None:
        return np.arange(1, 1 + len(annotations.category_ids))
    categories = _Categories(annotations, dataset, file)
    selected = np.zeros(len(annotations.category_ids), np.bool_)
    selected[[categories.index(category) for category in selection]] = True
    return np.where(selected, np.cumsum(selected), 0)


class _Categories:
    """The categories of a file, by name and by id."""

    def __init__(self, annotations: Annotations, dataset: str, file: Path) -> None:
        self.dataset, self.file = dataset, file
        self.ids: list[int] = annotations.category_ids.tolist()
        self.names: list[str] = [str(name) for name in annotations.category_names.tolist()]
        self.by_id = {str(identity): index for index, identity in enumerate(self.ids)}
        self.by_name: dict[str, list[int]] = {}
        for index, name in enumerate(self.names):
            self.by_name.setdefault(_plain(name), []).append(index)

    def index(self, category: str | int) -> int:
        """Return the index of the category with a name or id."""
        matches = self._matches(category)
        if not matches:
            listed = self._listed()
            near = f"; there are {listed}"
            if isinstance(category, str) and self.ids:
                near = hint(category, self._selectors())
            raise UnknownCategoryError(self.dataset, category, near, listed)
        if len(matches) > 1:
            raise self._ambiguous(str(category), matches)
        return matches[0]

    def _matches(self, category: str | int) -> list[int]:
        by_id = [self.by_id[str(category)]] if str(category) in self.by_id else []
        if isinstance(category, int):
            return by_id
        by_name = self.by_name.get(_plain(category), [])
        if by_name or by_id:
            return list(dict.fromkeys(by_name + by_id))
        kind, _, value = category.partition("-")
        if kind == "id" and value in self.by_id:
            return [self.by_id[value]]
        return self.by_name.get(_plain(value), []) if kind == "name" else []

    def _ambiguous(self, category: str, matches: list[int]) -> PatternError:
        listed = " or ".join(f"category {self.ids[i]} ({self.names[i]!r})" for i in matches)
        selectors = " or ".join(f"id-{self.ids[i]}" for i in matches)
        return PatternError(
            f"dataset {self.dataset!r}: {category!r} can mean {listed} of {self.file}; write "
            f"{selectors}, or rename a category"
        )

    def _selectors(self) -> list[str]:
        """Return a text that selects each category: its name if it is typable and unique."""
        return [
            plain
            if _TYPED.fullmatch(plain := _plain(name)) and len(self.by_name[plain]) == 1
            else f"id-{identity}"
            for identity, name in zip(self.ids, self.names, strict=True)
        ]

    def _listed(self) -> str:
        pairs = [f"{identity} {name}" for identity, name in zip(self.ids, self.names, strict=True)]
        more = f" and {len(pairs) - _LISTED} more" if len(pairs) > _LISTED else ""
        return (", ".join(pairs[:_LISTED]) or "none") + more


def _plain(name: str) -> str:
    composed = unicodedata.normalize("NFC", name).casefold().strip()
    return unicodedata.normalize("NFC", _GAP.sub("-", composed))
