"""The identity of a dataset: its content, independent of its name and location."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

# Parts that exist only if not all samples are in memory.
FILES, SAMPLED = "files", "sampled"
_SPLITS = ("train", "validation", "test", "scored_only")
SHOWN_DIGITS = 8


class SplitPart(NamedTuple):
    """A part of a dataset.

    Attributes:
        size: Number of samples or files.
        digest: SHA-256 of the content, hexadecimal.
    """

    size: int
    digest: str


@dataclass(frozen=True)
class DatasetRecord:
    """The identity of a dataset's content.

    Attributes:
        folder: Name of the data folder, shown to tell datasets apart; not part of the fingerprint.
        class_names: Names of the classes; empty if the classes only have numbers.
        parts: The splits that the loader returns: ``train``, ``test``, ``validation`` and
            ``scored_only``; ``files`` if samples are read from files that the loader names;
            ``sampled`` if samples are read from elsewhere and only some were inspected.
    """

    folder: str
    class_names: tuple[str, ...]
    parts: Mapping[str, SplitPart]

    @property
    def fingerprint(self) -> str:
        """Hash of class names and parts, 32 hexadecimal digits; equal for equal data."""
        text = _json({"class_names": self.class_names, "parts": self.parts})
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def label(self) -> str:
        """Short name with the beginning of the fingerprint, for example ``pets@1f2e3d4c``."""
        return label(self.folder, self.fingerprint)

    @property
    def in_memory(self) -> bool:
        """Whether all samples are in memory, so the whole content is known."""
        return not {FILES, SAMPLED} & {*self.parts}

    @property
    def sizes(self) -> str:
        """Sizes of the parts as text, for example ``train 80, test 20, files 100``."""
        names = (name for name in (*_SPLITS, FILES) if name in self.parts)
        return ", ".join(f"{name} {self.parts[name].size}" for name in names)

    @property
    def texts(self) -> dict[str, str]:
        """The attributes as text, by the names of the arguments of `from_texts`."""
        names, parts = _json(self.class_names), _json(self.parts)
        return {"folder": self.folder, "class_names": names, "parts": parts}

    @classmethod
    def from_texts(cls, folder: str, class_names: str, parts: str) -> DatasetRecord:
        """Return the record whose `texts` these are.

        Raises:
            ValueError: A text does not have the expected form.
            TypeError: A text does not have the expected form.
            AttributeError: A text does not have the expected form.
        """
        names, values = json.loads(class_names), json.loads(parts)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError(class_names)
        split_parts = {str(name): _part(value) for name, value in values.items()}
        return cls(folder, tuple(names), split_parts)

    def differing(self, other: DatasetRecord) -> list[str]:
        """Return the names of the parts that differ, and ``class names`` if those differ."""
        parts = [
            "samples" if name == SAMPLED else name
            for name in (*_SPLITS, FILES, SAMPLED)
            if self.parts.get(name) != other.parts.get(name)
        ]
        return parts + ["class names"] * (self.class_names != other.class_names)


def label(folder: str, fingerprint: str) -> str:
    """Return a short name of a dataset with the beginning of its fingerprint.

    >>> label("pets", "1f2e3d4c5b6a79881f2e3d4c5b6a7988")
    'pets@1f2e3d4c'
    """
    return f"{folder}@{fingerprint[:SHOWN_DIGITS]}"


def _part(value: Any) -> SplitPart:
    size, digest = value
    if type(size) is not int or not isinstance(digest, str):
        raise ValueError(value)
    return SplitPart(size, digest)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def differing(recorded: DatasetRecord, present: DatasetRecord) -> str:
    """Return a description of how the present data differs from the recorded data."""
    return (
        f"recorded {recorded.label} ({recorded.sizes}), here {present.label} ({present.sizes}); "
        f"they differ in {', '.join(recorded.differing(present))}"
    )
