"""From a JSON in COCO's format to arrays; what is wrong is remembered, not raised.

Only who reads an image is told what is wrong with it, so that the others can be used.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_core.errors import MissingDataError
from lemur_scenes.coco.annotations import ANY, BOX, MASK, Annotations, key_of, places
from lemur_scenes.coco.kept import Arrays, kept
from lemur_scenes.coco.objects import (
    WrongError,
    area_of,
    box_of,
    is_crowd,
    is_whole,
    mask_of,
    odd_type,
    short,
)
from lemur_scenes.coco.runs import EMPTY, Runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

_LONGEST = 65_535
_UNKNOWN = -1


class _Object(NamedTuple):
    image: int
    category: int
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    area: float = 0.0
    crowd: bool = False
    mask: Runs = EMPTY


class _Wrong(NamedTuple):
    image: int
    category: int
    part: int
    where: str
    why: str


def read_annotations(dataset: str, file: Path) -> Annotations:
    """Return what a JSON says, from what was kept of it where it is the same.

    Raises:
        MissingDataError: It cannot be read, or is not of the format.
    """
    names = [one.name for one in fields(Annotations)]

    def make() -> Arrays:
        made = parse(dataset, file)
        return {name: getattr(made, name) for name in names}

    return Annotations(**kept(places(file), f"{file.stem}.npz", key_of(file), names, make))


def parse(dataset: str, file: Path) -> Annotations:
    """Return what a JSON says.

    Raises:
        MissingDataError: It cannot be read, or is not of the format.
    """
    return _Document(dataset, file).arrays()


class _Document:
    """A JSON, as it is read."""

    def __init__(self, dataset: str, file: Path) -> None:
        self.dataset, self.file = dataset, file
        document = self._document()
        self.categories = self._categories(document["categories"])
        self._check_ids(document)
        self.index = {one: index for index, one in enumerate(sorted(self.categories))}
        self.ids: list[int] = []
        self.names: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []
        self.image_of: dict[int, int] = {}
        self.annotation_of: dict[int, dict[str, Any]] = {}
        self.objects: list[_Object] = []
        self.wrongs: list[_Wrong] = []
        for number, image in enumerate(document["images"]):
            self._image(number, image)
        for number, annotation in enumerate(document["annotations"]):
            self._annotation(number, annotation)

    def arrays(self) -> Annotations:
        """Return all of it."""
        objects = sorted(self.objects, key=lambda one: one.image)
        wrongs = sorted(self.wrongs, key=lambda one: one.image)
        codes = [one.mask.code for one in objects]
        return Annotations(
            category_ids=np.array(sorted(self.categories), np.int64),
            category_names=_texts([self.categories[one] for one in sorted(self.categories)]),
            image_ids=np.array(self.ids, np.int64),
            image_names=np.array(self.names, np.bytes_),
            image_sizes=np.array(self.sizes, np.int64).reshape(-1, 2),
            first=_begins(np.bincount([one.image for one in objects], minlength=len(self.ids))),
            categories=np.array([one.category for one in objects], np.int64),
            boxes=np.array([one.box for one in objects], np.float32).reshape(-1, 4),
            areas=np.array([one.area for one in objects], np.float32),
            crowds=np.array([one.crowd for one in objects], np.bool_),
            pixels=np.array([one.mask.pixels for one in objects], np.int64),
            columns=np.array([one.mask[:2] for one in objects], np.int64).reshape(-1, 2),
            code_first=_begins(np.array([len(code) for code in codes], np.int64)),
            codes=np.frombuffer(b"".join(codes), np.uint8),
            wrong=np.array([one[:3] for one in wrongs], np.int64).reshape(-1, 3),
            wrong_where=_texts([one.where for one in wrongs]),
            wrong_why=_texts([one.why for one in wrongs]),
        )

    def _document(self) -> dict[str, Any]:
        try:
            document = json.loads(self.file.read_bytes())
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"it is no JSON: {error}") from error
        for name in ("images", "annotations", "categories"):
            if not isinstance(document, dict) or not isinstance(document.get(name), list):
                raise self._damaged(f"it has no list {name!r}")
        found: dict[str, Any] = document
        return found

    def _check_ids(self, document: dict[str, Any]) -> None:
        """Refuse a file whose ids are all of another type; one alone fails its own sample."""
        for kind, name in (
            ("images", "id"),
            ("annotations", "image_id"),
            ("annotations", "category_id"),
        ):
            given = [one[name] for one in document[kind] if isinstance(one, dict) and name in one]
            if given and not any(map(is_whole, given)):
                raise self._unusable(
                    f"each {name} of its {kind} is like {odd_type(given[0])}; "
                    "expected whole numbers; write all ids so"
                )

    def _categories(self, given: list[Any]) -> dict[int, str]:
        found: dict[int, str] = {}
        for number, one in enumerate(given):
            entry = one if isinstance(one, dict) else {}
            own, name = entry.get("id"), entry.get("name")
            if not isinstance(name, str):
                raise self._unusable(f"its category {number}, counted from 0, has no name")
            if own is None:
                raise self._unusable(f"its category {name!r} has no id; expected a whole number")
            if not is_whole(own):
                raise self._unusable(
                    f"its category {name!r} has the id {odd_type(own)}; expected a whole number"
                )
            if own in found:
                raise self._unusable(
                    f"its categories {found[own]!r} and {name!r} have the same id, {own}; "
                    "number them apart"
                )
            found[own] = name
        return found

    def _image(self, number: int, image: Any) -> None:
        own = image.get("id") if isinstance(image, dict) else None
        if not isinstance(image, dict) or not is_whole(own, 0):
            why = f"its id is {odd_type(own)}; expected a whole number from 0"
            place = f"its image {number}, counted from 0"
            self._nowhere(place, "it has no id" if own is None else why)
            return
        where = f"image {image['id']}"
        if image["id"] in self.image_of:
            self._nowhere(where, "it is there twice")
            return
        self.image_of[image["id"]] = self._new(image["id"])
        name, size = image.get("file_name"), (image.get("height"), image.get("width"))
        try:
            self.names[-1] = os.fsencode(name) if isinstance(name, str) else b""
        except UnicodeEncodeError:
            self.names[-1] = b""
        if not self.names[-1] or b"\0" in self.names[-1]:
            self._wrong(len(self.ids) - 1, where, "it has no file_name")
        elif all(is_whole(one, 1, _LONGEST) for one in size):
            self.sizes[-1] = size
        else:
            why = f"its height and width are {short(size)}; expected two numbers of pixels"
            self._wrong(len(self.ids) - 1, where, why)

    def _annotation(self, number: int, annotation: Any) -> None:
        if not isinstance(annotation, dict):
            self._nowhere(f"its annotation {number}, counted from 0", "it is no object")
            return
        own = annotation.get("id")
        where = f"annotation {own}" if is_whole(own) else f"its annotation {number}, counted from 0"
        image = annotation.get("image_id")
        if not is_whole(image) or image not in self.image_of:
            self._nowhere(where, _unknown("image", image))
            return
        index = self.image_of[image]
        # Ids of annotations may repeat, as where each image has its own; a copy counts twice.
        if is_whole(own) and self._is_copy(own, annotation):
            self._wrong(index, where, "it is there twice")
        if self.sizes[index] != (0, 0):
            self._object(index, where, annotation)

    def _object(self, image: int, where: str, annotation: dict[str, Any]) -> None:
        given = annotation.get("category_id")
        category = self.index.get(given, _UNKNOWN) if is_whole(given) else _UNKNOWN
        if category == _UNKNOWN:
            self._wrong(image, where, _unknown("category", given))
            return

        def tried(read: Callable[[], Any], part: int, otherwise: Any) -> Any:
            try:
                return read()
            except WrongError as error:
                self._wrong(image, where, str(error), category, part)
                return otherwise

        height, width = self.sizes[image]
        box = tried(lambda: box_of(annotation, height, width), BOX, None)
        found = _Object(
            image,
            category,
            box or (0.0, 0.0, 0.0, 0.0),
            0.0 if box is None else tried(lambda: area_of(annotation), BOX, 0.0),
            tried(lambda: is_crowd(annotation), ANY, False),
            tried(lambda: mask_of(annotation, height, width), MASK, EMPTY),
        )
        self.objects.append(found)

    def _is_copy(self, own: int, annotation: dict[str, Any]) -> bool:
        first = self.annotation_of.setdefault(own, annotation)
        return first is not annotation and first == annotation

    def _new(self, identity: int) -> int:
        self.ids.append(identity)
        self.names.append(b"")
        self.sizes.append((0, 0))
        return len(self.ids) - 1

    def _nowhere(self, where: str, why: str) -> None:
        # What is of no image is an image that cannot be read, so that it is counted among those.
        self._wrong(self._new(-1), where, why)

    def _wrong(
        self, image: int, where: str, why: str, category: int = _UNKNOWN, part: int = ANY
    ) -> None:
        self.wrongs.append(_Wrong(image, category, part, where, why))

    def _damaged(self, why: str) -> MissingDataError:
        return MissingDataError(
            f"data set {self.dataset!r}: {self.file} is damaged: {why}; remove it and get it again"
        )

    def _unusable(self, why: str) -> MissingDataError:
        return MissingDataError(f"data set {self.dataset!r}: {self.file} cannot be used: {why}")


def _unknown(kind: str, given: Any) -> str:
    if given is None or is_whole(given):
        return f"its {kind}_id is {short(given)}, and there is no such {kind}"
    return f"its {kind}_id is {odd_type(given)}; expected a whole number"


def _begins(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


def _texts(given: list[str]) -> NDArray[np.str_]:
    # Surrogates of a JSON's escapes can be written to no file.
    clean = [text.encode("utf-8", "replace").decode() for text in given]
    return np.array(clean, np.str_)
