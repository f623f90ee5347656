"""Parse a JSON file in COCO's format into arrays, and record errors instead of raising them.

The errors of an image are raised when it is read, so that all other images can be used.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lemur_core.errors import MissingDataError
from lemur_scenes.coco.annotations import ANY, BOX, MASK, Annotations, cache_folders, key_of
from lemur_scenes.coco.cache import Arrays, cached_arrays
from lemur_scenes.coco.objects import (
    AnnotationError,
    area_of,
    box_of,
    is_crowd,
    is_whole,
    mask_of,
    odd_type,
    short,
)
from lemur_scenes.coco.runs import EMPTY, RunLengths

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
    mask: RunLengths = EMPTY


class _Error(NamedTuple):
    image: int
    category: int
    part: int
    where: str
    message: str


def read_annotations(dataset: str, file: Path) -> Annotations:
    """Return the annotations of a JSON file, from a cache if possible.

    Raises:
        MissingDataError: The file cannot be read, or has another format.
    """
    names = [field.name for field in fields(Annotations)]

    def make() -> Arrays:
        annotations = parse(dataset, file)
        return {name: getattr(annotations, name) for name in names}

    folders = cache_folders(file)
    return Annotations(**cached_arrays(folders, f"{file.stem}.npz", key_of(file), names, make))


def parse(dataset: str, file: Path) -> Annotations:
    """Return the annotations of a JSON file.

    Raises:
        MissingDataError: The file cannot be read, or has another format.
    """
    return _Document(dataset, file).arrays()


class _Document:
    """A JSON file while it is parsed."""

    def __init__(self, dataset: str, file: Path) -> None:
        self.dataset, self.file = dataset, file
        document = self._document()
        self.categories = self._categories(document["categories"])
        self._check_ids(document)
        self.index = {identity: index for index, identity in enumerate(sorted(self.categories))}
        self.ids: list[int] = []
        self.names: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []
        self.image_of: dict[int, int] = {}
        self.annotation_of: dict[int, dict[str, Any]] = {}
        self.objects: list[_Object] = []
        self.errors: list[_Error] = []
        for number, image in enumerate(document["images"]):
            self._image(number, image)
        for number, annotation in enumerate(document["annotations"]):
            self._annotation(number, annotation)

    def arrays(self) -> Annotations:
        """Return the annotations."""
        objects = sorted(self.objects, key=lambda item: item.image)
        errors = sorted(self.errors, key=lambda error: error.image)
        codes = [item.mask.code for item in objects]
        category_ids = sorted(self.categories)
        return Annotations(
            category_ids=np.array(category_ids, np.int64),
            category_names=_texts([self.categories[identity] for identity in category_ids]),
            image_ids=np.array(self.ids, np.int64),
            image_names=np.array(self.names, np.bytes_),
            image_sizes=np.array(self.sizes, np.int64).reshape(-1, 2),
            first=_starts(np.bincount([item.image for item in objects], minlength=len(self.ids))),
            categories=np.array([item.category for item in objects], np.int64),
            boxes=np.array([item.box for item in objects], np.float32).reshape(-1, 4),
            areas=np.array([item.area for item in objects], np.float32),
            crowds=np.array([item.crowd for item in objects], np.bool_),
            pixels=np.array([item.mask.pixels for item in objects], np.int64),
            columns=np.array([item.mask[:2] for item in objects], np.int64).reshape(-1, 2),
            code_first=_starts(np.array([len(code) for code in codes], np.int64)),
            codes=np.frombuffer(b"".join(codes), np.uint8),
            wrong=np.array([error[:3] for error in errors], np.int64).reshape(-1, 3),
            wrong_where=_texts([error.where for error in errors]),
            wrong_why=_texts([error.message for error in errors]),
        )

    def _document(self) -> dict[str, Any]:
        try:
            document = json.loads(self.file.read_bytes())
        except OSError as error:
            raise self._damaged(error.strerror or str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"it is not JSON: {error}") from error
        for name in ("images", "annotations", "categories"):
            if not isinstance(document, dict) or not isinstance(document.get(name), list):
                raise self._damaged(f"it has no list {name!r}")
        checked: dict[str, Any] = document
        return checked

    def _check_ids(self, document: dict[str, Any]) -> None:
        """Raise if all ids are of a wrong type; a single wrong id only makes its sample fail."""
        for kind, name in (
            ("images", "id"),
            ("annotations", "image_id"),
            ("annotations", "category_id"),
        ):
            items = [item for item in document[kind] if isinstance(item, dict)]
            ids = [item[name] for item in items if name in item]
            if ids and not any(map(is_whole, ids)):
                raise self._unusable(
                    f"each {name} of its {kind} is like {odd_type(ids[0])}; "
                    "expected whole numbers for all ids"
                )

    def _categories(self, items: list[Any]) -> dict[int, str]:
        categories: dict[int, str] = {}
        for number, item in enumerate(items):
            category = item if isinstance(item, dict) else {}
            identity, name = category.get("id"), category.get("name")
            if not isinstance(name, str):
                raise self._unusable(f"its category {number}, counted from 0, has no name")
            if identity is None:
                raise self._unusable(f"its category {name!r} has no id; expected a whole number")
            if not is_whole(identity):
                raise self._unusable(
                    f"its category {name!r} has the id {odd_type(identity)}; expected a whole "
                    "number"
                )
            if identity in categories:
                raise self._unusable(
                    f"its categories {categories[identity]!r} and {name!r} have the same id, "
                    f"{identity}; give them different ids"
                )
            categories[identity] = name
        return categories

    def _image(self, number: int, image: Any) -> None:
        identity = image.get("id") if isinstance(image, dict) else None
        if not isinstance(image, dict) or not is_whole(identity, 0):
            message = f"its id is {odd_type(identity)}; expected a whole number from 0"
            where = f"its image {number}, counted from 0"
            self._add_error_without_image(where, "it has no id" if identity is None else message)
            return
        where = f"image {image['id']}"
        if image["id"] in self.image_of:
            self._add_error_without_image(where, "it occurs twice")
            return
        self.image_of[image["id"]] = self._new(image["id"])
        name, height, width = (image.get(key) for key in ("file_name", "height", "width"))
        try:
            self.names[-1] = os.fsencode(name) if isinstance(name, str) else b""
        except UnicodeEncodeError:
            self.names[-1] = b""
        if not self.names[-1] or b"\0" in self.names[-1]:
            self._add_error(len(self.ids) - 1, where, "it has no file_name")
        elif is_whole(height, 1, _LONGEST) and is_whole(width, 1, _LONGEST):
            self.sizes[-1] = (height, width)
        else:
            message = (
                f"its height and width are {short((height, width))}; expected two numbers of pixels"
            )
            self._add_error(len(self.ids) - 1, where, message)

    def _annotation(self, number: int, annotation: Any) -> None:
        where = f"its annotation {number}, counted from 0"
        if not isinstance(annotation, dict):
            self._add_error_without_image(where, "it is not an object")
            return
        identity = annotation.get("id")
        if is_whole(identity):
            where = f"annotation {identity}"
        image = annotation.get("image_id")
        if not is_whole(image) or image not in self.image_of:
            self._add_error_without_image(where, _unknown("image", image))
            return
        index = self.image_of[image]
        # Annotations of different images may have the same id, but a copy would count twice.
        if is_whole(identity) and self._is_copy(identity, annotation):
            self._add_error(index, where, "it occurs twice")
        if self.sizes[index] != (0, 0):
            self._object(index, where, annotation)

    def _object(self, image: int, where: str, annotation: dict[str, Any]) -> None:
        identity = annotation.get("category_id")
        category = self.index.get(identity, _UNKNOWN) if is_whole(identity) else _UNKNOWN
        if category == _UNKNOWN:
            self._add_error(image, where, _unknown("category", identity))
            return

        def read_part(read: Callable[[], Any], part: int, default: Any) -> Any:
            try:
                return read()
            except AnnotationError as error:
                self._add_error(image, where, str(error), category, part)
                return default

        height, width = self.sizes[image]
        box = read_part(lambda: box_of(annotation, height, width), BOX, None)
        item = _Object(
            image,
            category,
            box or (0.0, 0.0, 0.0, 0.0),
            0.0 if box is None else read_part(lambda: area_of(annotation), BOX, 0.0),
            read_part(lambda: is_crowd(annotation), ANY, False),
            read_part(lambda: mask_of(annotation, height, width), MASK, EMPTY),
        )
        self.objects.append(item)

    def _is_copy(self, identity: int, annotation: dict[str, Any]) -> bool:
        first = self.annotation_of.setdefault(identity, annotation)
        return first is not annotation and first == annotation

    def _new(self, identity: int) -> int:
        self.ids.append(identity)
        self.names.append(b"")
        self.sizes.append((0, 0))
        return len(self.ids) - 1

    def _add_error_without_image(self, where: str, message: str) -> None:
        # Add an image that cannot be read, so that the error is counted like those of images.
        self._add_error(self._new(-1), where, message)

    def _add_error(
        self, image: int, where: str, message: str, category: int = _UNKNOWN, part: int = ANY
    ) -> None:
        self.errors.append(_Error(image, category, part, where, message))

    def _damaged(self, reason: str) -> MissingDataError:
        return MissingDataError(
            f"dataset {self.dataset!r}: {self.file} is damaged: {reason}; remove it and get "
            "it again"
        )

    def _unusable(self, reason: str) -> MissingDataError:
        return MissingDataError(f"dataset {self.dataset!r}: {self.file} cannot be used: {reason}")


def _unknown(kind: str, identity: Any) -> str:
    if identity is None or is_whole(identity):
        return f"its {kind}_id is {short(identity)}, and there is no such {kind}"
    return f"its {kind}_id is {odd_type(identity)}; expected a whole number"


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


def _texts(texts: list[str]) -> NDArray[np.str_]:
    # Surrogates, which JSON can escape, cannot be written to files.
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    return np.array(clean, np.str_)
