"""The header of a zoo's folder: what its files hold, and how."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from lemur_core.errors import LemurError
from lemur_core.files import replacement, sync_folder, write_errors
from lemur_zoo.parameters import Parameter
from lemur_zoo.spec.spec import ZooSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy import bool_, float64
    from numpy.typing import NDArray

FILE = "zoo.json"
FORMAT, VERSION = "lemur-zoo", 1
SPLITS, METRICS = ("train", "validation", "test"), ("loss", "accuracy")
# The lower bits of NaN mean nothing to a processor; R marks missing values in the same way.
_MISSING_BITS = 0x7FF8_0000_0000_07A2
NOT_RECORDED: float = struct.unpack("<d", struct.pack("<Q", _MISSING_BITS))[0]
"""Stands for a score of an imported zoo that its files do not have: NaN, with bits of its own."""
_LEAST = {"members": 1, "epochs": 0, "first_epoch": 0, "classes": 0}
_BYTE_ORDERS = {"little": "<", "big": ">"}


def is_recorded(scores: NDArray[float64]) -> NDArray[bool_]:
    """Return which scores are not `NOT_RECORDED`, of the same shape.

    >>> is_recorded(np.array([0.5, np.nan, NOT_RECORDED]))
    array([ True,  True, False])
    """
    bits = np.ascontiguousarray(scores, np.float64).view(np.uint64)
    return np.asarray(bits != _MISSING_BITS)


class ZooError(LemurError, ValueError):
    """A folder is not a zoo, or a zoo is damaged or used in a way that it does not offer."""


@dataclass(frozen=True)
class ZooHeader:
    """What a zoo is, and the layout of its files.

    Attributes:
        uid: Unique id of the zoo.
        spec: Its specification.
        members: Number of members.
        epochs: Number of epochs that the arrays have room for, besides epoch 0.
        parameters: Names and shapes of the parameters, in the order in which they are stored.
        in_shape: Shape of an input of the net, ``(1, channels, height, width)``.
        classes: Number of classes.
        fingerprint: Digest of the images, of all splits.
        images: Number of images in each split.
        groups: Numbers of the members of each group, which are trained together.
        versions: Versions of the software that began the zoo.
        byte_order: ``little`` or ``big``.
        provenance: Where an imported zoo comes from; empty for one that lemur made.
        first_epoch: Number of the first epoch; above 0 if an imported zoo lacks earlier ones.
        engine: Name of the engine that trains the members; empty before the first epoch.
        buffers: Names and shapes of the buffers, such as running statistics, in their order.
    """

    uid: str
    spec: ZooSpec
    members: int
    epochs: int
    parameters: tuple[Parameter, ...]
    in_shape: tuple[int, ...]
    classes: int
    fingerprint: str
    images: Mapping[str, int]
    groups: Sequence[Sequence[int]]
    versions: Mapping[str, str]
    byte_order: str = "little"
    provenance: str = ""
    first_epoch: int = 0
    engine: str = ""
    buffers: tuple[Parameter, ...] = ()

    @property
    def width(self) -> int:
        """Number of parameters of a member."""
        return sum(parameter.elements for parameter in self.parameters)

    @property
    def weights_shape(self) -> tuple[int, int, int]:
        """Shape of the weights: ``(members, epochs + 1, parameters)``."""
        return self.members, self.epochs + 1, self.width

    @property
    def buffers_shape(self) -> tuple[int, int, int]:
        """Shape of the buffers: ``(members, epochs + 1, elements)``."""
        return self.members, self.epochs + 1, sum(buffer.elements for buffer in self.buffers)

    @property
    def metrics_shape(self) -> tuple[int, int, int, int]:
        """Shape of the scores: ``(members, epochs + 1, splits, metrics)``."""
        return self.members, self.epochs + 1, len(SPLITS), len(METRICS)

    # The number of epochs is part of the names, because a longer array is written beside the old.
    @property
    def weights_file(self) -> str:
        """Name of the file of weights."""
        return f"weights-{self.epochs}.f32"

    @property
    def buffers_file(self) -> str:
        """Name of the file of buffers, which only exists if there are some."""
        return f"buffers-{self.epochs}.f32"

    @property
    def metrics_file(self) -> str:
        """Name of the file of scores."""
        return f"metrics-{self.epochs}.f64"

    @property
    def weights_type(self) -> str:
        """Type of the weights, as NumPy names it."""
        return f"{_BYTE_ORDERS[self.byte_order]}f4"

    @property
    def metrics_type(self) -> str:
        """Type of the scores, as NumPy names it."""
        return f"{_BYTE_ORDERS[self.byte_order]}f8"

    @property
    def size(self) -> int:
        """Number of bytes that the zoo needs, states of the optimizer included."""
        epochs = self.members * (self.epochs + 1)
        width = self.width + self.buffers_shape[-1]
        return epochs * (4 * width + 8 * len(SPLITS) * len(METRICS)) + 8 * (
            self.members * self.width
        )

    def to_json(self) -> dict[str, Any]:
        """Return the header as JSON values, which `from_json` reads."""
        value: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "uid": self.uid,
            "name": self.spec.name,
            "byte_order": self.byte_order,
            "arrays": {
                "weights": {
                    "file": self.weights_file,
                    "type": "float32",
                    "axes": ["member", "epoch", "parameter"],
                    "shape": list(self.weights_shape),
                },
                "metrics": {
                    "file": self.metrics_file,
                    "type": "float64",
                    "axes": ["member", "epoch", "split", "metric"],
                    "shape": list(self.metrics_shape),
                    "split": list(SPLITS),
                    "metric": list(METRICS),
                },
            },
            "parameters": [{"name": name, "shape": list(shape)} for name, shape in self.parameters],
            "members": self.members,
            "epochs": self.epochs,
            "first_epoch": self.first_epoch,
            "in_shape": list(self.in_shape),
            "classes": self.classes,
            "fingerprint": self.fingerprint,
            "images": dict(self.images),
            "groups": [list(group) for group in self.groups],
            "versions": dict(self.versions),
            "provenance": self.provenance,
            "engine": self.engine,
            "spec": self.spec.to_json(),
        }
        if self.buffers:
            value["arrays"]["buffers"] = {
                "file": self.buffers_file,
                "type": "float32",
                "axes": ["member", "epoch", "buffer"],
                "shape": list(self.buffers_shape),
            }
            value["buffers"] = [
                {"name": name, "shape": list(shape)} for name, shape in self.buffers
            ]
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ZooHeader:
        """Return the header that `to_json` wrote."""
        return cls(
            uid=value["uid"],
            spec=ZooSpec.from_json(value["spec"]),
            members=value["members"],
            epochs=value["epochs"],
            parameters=_tensors(value["parameters"]),
            buffers=_tensors(value.get("buffers", [])),
            in_shape=tuple(value["in_shape"]),
            classes=value["classes"],
            fingerprint=value["fingerprint"],
            images=value["images"],
            groups=value["groups"],
            versions=value["versions"],
            byte_order=value["byte_order"],
            provenance=value["provenance"],
            first_epoch=value["first_epoch"],
            engine=value["engine"],
        )

    def with_members(self, count: int, groups: Sequence[Sequence[int]]) -> ZooHeader:
        """Return the header of the zoo with more members, in further groups."""
        return replace(self, members=self.members + count, groups=[*self.groups, *groups])


def _tensors(value: Sequence[Mapping[str, Any]]) -> tuple[Parameter, ...]:
    return tuple(Parameter(item["name"], tuple(item["shape"])) for item in value)


def write_header(folder: Path, header: ZooHeader) -> None:
    """Replace the header of a zoo at once.

    Raises:
        WriteError: It cannot be written.
    """
    path = folder / FILE
    with write_errors(path), replacement(path) as temporary, temporary.open("w") as file:
        json.dump(header.to_json(), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def read_header(folder: Path) -> ZooHeader:
    """Return the header of a zoo.

    Raises:
        ZooError: The folder is not a zoo that this version reads.
    """
    path = folder / FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ZooError(
            f"{folder}: is not a zoo, as {FILE} cannot be read ({error.strerror}); expected a "
            "folder that lemur zoo make or lemur zoo import wrote"
        ) from None
    except ValueError:
        raise ZooError(f"{path}: is damaged: it is not JSON") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ZooError(f"{path}: is not the header of a zoo")
    if value.get("version") != VERSION:
        raise ZooError(
            f"{path}: has version {value.get('version')!r} of the format; this lemur-zoo reads "
            f"version {VERSION}; install the version that wrote it"
        )
    if value.get("byte_order") not in _BYTE_ORDERS:
        raise ZooError(f"{path}: byte order {value.get('byte_order')!r}; expected little or big")
    try:
        header = ZooHeader.from_json(value)
        fault = _fault(header)
    # Whatever is missing or has another type; the file is not one that lemur wrote.
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ZooError(f"{path}: is damaged: {type(error).__name__} {error}") from None
    if fault:
        raise ZooError(f"{path}: is damaged: {fault}")
    return header


def _fault(header: ZooHeader) -> str:
    """Return what a header says that cannot be, an empty text if nothing."""
    for name, least in _LEAST.items():
        value = getattr(header, name)
        if type(value) is not int or value < least:
            return f"{name} is {value!r:.100}; expected a whole number, {least} or more"
    tensors = (*header.parameters, *header.buffers)
    sizes = [*header.in_shape, *(size for item in tensors for size in item.shape)]
    if not all(type(size) is int and size >= 0 for size in sizes):
        return "a size of a shape is not a whole number"
    if sorted(chain.from_iterable(header.groups)) != [*range(header.members)]:
        return f"its groups are not those of {header.members:,} members"
    return ""
