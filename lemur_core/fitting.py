"""Select the transforms that fit a dataset and a net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lemur_core.errors import MisfitError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from lemur_core.entry import Entry

# Unless transforms are named: the minimum size of images, and the size if the images vary in size.
LEAST_SIZE, USUAL_SIZE = 32, 224


@dataclass(frozen=True)
class Transforms:
    """The transforms to choose from.

    Attributes:
        entries: Entries of the transforms, by name.
        by_user: Whether the user named the transforms. If not, opt-in transforms and those that
            draw random numbers are left out, and those of one size are used: the smallest that the
            net accepts and that is at least 32 px and the size of the images. If the images vary in
            size, their usual size is used, or 224 px if it is unknown.
        named: What the user named; a transform that returns its inputs unchanged is only used for
            images if it is among these names.
    """

    entries: Mapping[str, Entry]
    by_user: bool
    named: Collection[str] = ()

    def fitting(
        self, task: str, loader: Entry, net: Entry, usual_size: int | None = None
    ) -> dict[str, Entry]:
        """Return the transforms for a loader and a net, by name.

        If the inputs of the loader are ready, these are the transforms that return them unchanged;
        otherwise those whose images the net can take.

        Args:
            task: The name of the task.
            loader: The entry of the loader.
            net: The entry of the net.
            usual_size: Height and width that suit the images, if the loader does not state a size;
                None if it is unknown.
        """
        if loader.ready:
            return {
                name: entry
                for name, entry in self.entries.items()
                if entry.ready and entry.serves(task)
            }
        entries = self.entries
        if usual_size is not None and not self.by_user:
            entries = {**entries, **_at_size(entries, usual_size)}
        fitting = {
            name: entry
            for name, entry in entries.items()
            if entry.serves(task) and entry.dtype == net.dtype and _large_enough(entry, loader, net)
            if not entry.ready or name in self.named
        }
        if self.by_user:
            return fitting
        usual = {
            name: entry for name, entry in fitting.items() if not entry.opt_in and not entry.random
        }
        return _of_one_size(usual, loader, usual_size)

    def check_sizes(self, pattern: str, loader: Entry, net: Entry) -> None:
        """Raise `MisfitError` if no transform gives images of the type and size of a net."""
        if loader.ready and not any(entry.ready for entry in self.entries.values()):
            raise MisfitError(
                f"{pattern}: nets receive the inputs of dataset {loader.name!r} unchanged; "
                "use transform 'none', or name no transform"
            )
        candidates = {
            name: entry
            for name, entry in self.entries.items()
            if entry.dtype == net.dtype and (not entry.ready or name in self.named)
        }
        if self.entries and not candidates:
            raise MisfitError(
                f"{pattern}: net {net.name!r} takes {net.dtype}; {', '.join(self.entries)} "
                f"{'gives' if len(self.entries) == 1 else 'give'} something else"
            )
        named = [name for name in candidates if _large_enough(candidates[name], loader, net)]
        if named and not self.by_user and all(candidates[name].random for name in named):
            raise MisfitError(
                f"{pattern}: the transforms that fit net {net.name!r} draw random numbers and "
                f"must be named, as in --transform {named[0]}"
            )
        sizes = {name: _size(entry, loader) for name, entry in candidates.items()}
        if net.min_size and sizes and all(size and size < net.min_size for size in sizes.values()):
            available = ", ".join(f"{name} gives {size}" for name, size in sizes.items())
            raise MisfitError(
                f"{pattern}: net {net.name!r} takes images of {net.min_size} px or more; "
                f"with dataset {loader.name!r}, {available}"
            )


def _at_size(transforms: Mapping[str, Entry], size: int) -> dict[str, Entry]:
    """Return the transforms that exist at a size in addition to those that are registered."""
    scaled_transforms = {}
    for name, entry in transforms.items():
        if entry.sizes is not None and entry.sizes[0] <= size <= entry.sizes[1]:
            scaled = entry.at_size(size)
            scaled_transforms[f"{name.removesuffix(entry.name)}{scaled.name}"] = scaled
    return {name: entry for name, entry in scaled_transforms.items() if name not in transforms}


def _of_one_size(
    transforms: Mapping[str, Entry], loader: Entry, usual_size: int | None
) -> dict[str, Entry]:
    """Return the transforms of the smallest sufficient size, or all if no size is sufficient.

    Transforms that keep the size of the images are included if that size is sufficient.
    """
    target = max(loader.size or usual_size or USUAL_SIZE, LEAST_SIZE)
    enough = [entry.size for entry in transforms.values() if entry.size and entry.size >= target]
    if not enough:
        return dict(transforms)
    sizes = {min(enough), None} if loader.size and loader.size >= target else {min(enough)}
    return {name: entry for name, entry in transforms.items() if entry.size in sizes}


def _large_enough(transform: Entry, loader: Entry, net: Entry) -> bool:
    size = _size(transform, loader)
    return size is None or net.min_size is None or size >= net.min_size


def _size(transform: Entry, loader: Entry) -> int | None:
    return transform.size or loader.size
