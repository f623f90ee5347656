"""Which transforms go with a data set and a net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_core.errors import MisfitError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lemur_core.entry import Entry

# What images are made at least, and those that vary in size, unless transforms are asked for.
_LEAST_SIZE, _USUAL_SIZE = 32, 224


@dataclass(frozen=True)
class Transforms:
    """The transforms to choose from.

    Attributes:
        entries: By name.
        asked_for: Whether the user named them; else those of one size are taken, the least that
            the net takes and that loses nothing of the images, and none that is `Entry.opt_in`.
        named: Names that the user gave in full; one that keeps inputs as they are is only taken
            for images if it is among them.
    """

    entries: Mapping[str, Entry]
    asked_for: bool
    named: Collection[str] = ()

    def fitting(self, task: str, loader: Entry, net: Entry) -> dict[str, Entry]:
        """Return those whose images a net takes; where inputs are ready, those that keep them."""
        if loader.ready:
            return {
                name: entry
                for name, entry in self.entries.items()
                if entry.ready and entry.serves(task)
            }
        fitting = {
            name: entry
            for name, entry in self.entries.items()
            if entry.serves(task) and entry.dtype == net.dtype and _large_enough(entry, loader, net)
            if not entry.ready or name in self.named
        }
        if self.asked_for:
            return fitting
        usual = {name: entry for name, entry in fitting.items() if not entry.opt_in}
        return _of_one_size(usual, loader)

    def check_sizes(self, pattern: str, loader: Entry, net: Entry) -> None:
        """Raise `MisfitError` where all images are too small for a net, or none of its kind."""
        if loader.ready and not any(entry.ready for entry in self.entries.values()):
            raise MisfitError(
                f"{pattern}: nets are given the inputs of data set {loader.name!r} as they are; "
                "expected transform 'none', or none to be named"
            )
        kind = {
            name: entry
            for name, entry in self.entries.items()
            if entry.dtype == net.dtype and (not entry.ready or name in self.named)
        }
        if self.entries and not kind:
            raise MisfitError(
                f"{pattern}: net {net.name!r} takes {net.dtype}; {', '.join(self.entries)} "
                f"{'gives' if len(self.entries) == 1 else 'give'} something else"
            )
        sizes = {name: _size(entry, loader) for name, entry in kind.items()}
        if net.min_size and sizes and all(size and size < net.min_size for size in sizes.values()):
            given = ", ".join(f"{name} gives {size}" for name, size in sizes.items())
            raise MisfitError(
                f"{pattern}: net {net.name!r} takes images of {net.min_size} px or more; "
                f"with data set {loader.name!r}, {given}"
            )


def _of_one_size(transforms: Mapping[str, Entry], loader: Entry) -> dict[str, Entry]:
    """Return those of the least size that is enough, and of the images' own; if none is, all."""
    wanted = max(loader.size or _USUAL_SIZE, _LEAST_SIZE)
    enough = [entry.size for entry in transforms.values() if entry.size and entry.size >= wanted]
    if not enough:
        return dict(transforms)
    taken = {min(enough), None} if loader.size and loader.size >= wanted else {min(enough)}
    return {name: entry for name, entry in transforms.items() if entry.size in taken}


def _large_enough(transform: Entry, loader: Entry, net: Entry) -> bool:
    size = _size(transform, loader)
    return size is None or net.min_size is None or size >= net.min_size


def _size(transform: Entry, loader: Entry) -> int | None:
    return transform.size or loader.size
