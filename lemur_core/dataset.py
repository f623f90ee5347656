"""The identity of a data set: its content, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# Parts that are only there if not all samples are in memory.
FILES, SAMPLED = "files", "sampled"
_SPLITS = ("train", "validation", "test", "scored_only")
SHOWN_DIGITS = 8


class SplitPart(NamedTuple):
    """A part of a data set.

    Attributes:
        size: How many samples or files it has.
        digest: SHA-256 of its content, hexadecimal.
    """

    size: int
    digest: str


@dataclass(frozen=True)
class DatasetRecord:
    """What identifies the content of a data set.

    Attributes:
        folder: Name of the data folder. It is shown to tell data sets apart and is not part of the
            fingerprint.
        class_names: Name of each class; empty if the classes only have numbers.
        parts: The splits that the loader gives: ``train``, ``test``, ``validation``; ``files`` if
            samples are read from files that the loader names; ``sampled`` if they are read from
            elsewhere and only some of them were looked at.
    """

    folder: str
    class_names: tuple[str, ...]
    parts: Mapping[str, SplitPart]

    @property
    def fingerprint(self) -> str:
        """Hash of class names and parts, 32 hexadecimal digits: equal data, equal fingerprint."""
        text = _json({"class_names": self.class_names, "parts": self.parts})
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def label(self) -> str:
        """A short name that tells it apart, ``pets@1f2e3d4c``."""
        return label(self.folder, self.fingerprint)

    @property
    def in_memory(self) -> bool:
        """Whether all samples are in memory, so that no part of the content is unknown."""
        return not {FILES, SAMPLED} & {*self.parts}

    @property
    def sizes(self) -> str:
        """The size of each part, ``train 80, test 20, files 100``."""
        sized = (name for name in (*_SPLITS, FILES) if name in self.parts)
        return ", ".join(f"{name} {self.parts[name].size}" for name in sized)

    @property
    def texts(self) -> dict[str, str]:
        """Its attributes as texts, those of `from_texts`."""
        names, parts = _json(self.class_names), _json(self.parts)
        return {"folder": self.folder, "class_names": names, "parts": parts}

    @classmethod
    def from_texts(cls, folder: str, class_names: str, parts: str) -> DatasetRecord:
        """Return the record that has these texts.

        Raises:
            ValueError: A text is not what a record writes.
            TypeError: Likewise.
            AttributeError: Likewise.
        """
        names, found = json.loads(class_names), json.loads(parts)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(class_names)
        read = {str(name): _part(part) for name, part in found.items()}
        return cls(folder, tuple(names), read)

    def differing(self, other: DatasetRecord) -> list[str]:
        """Return the names of the parts that differ, and ``class names`` if these do."""
        parts = [
            "samples" if name == SAMPLED else name
            for name in (*_SPLITS, FILES, SAMPLED)
            if self.parts.get(name) != other.parts.get(name)
        ]
        return parts + ["class names"] * (self.class_names != other.class_names)


def label(folder: str, fingerprint: str) -> str:
    """Return a short name of a data set.

    >>> label("pets", "1f2e3d4c5b6a79881f2e3d4c5b6a7988")
    'pets@1f2e3d4c'
    """
    return f"{folder}@{fingerprint[:SHOWN_DIGITS]}"


def _part(told: Any) -> SplitPart:
    size, digest = told
    if type(size) is not int or not isinstance(digest, str):
        raise ValueError(told)
    return SplitPart(size, digest)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def differing(told: DatasetRecord, today: DatasetRecord) -> str:
    """Return how data differs from what was recorded, in words."""
    return (
        f"recorded {told.label} ({told.sizes}), here {today.label} ({today.sizes}); "
        f"they differ in {', '.join(told.differing(today))}"
    )
