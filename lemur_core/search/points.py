"""The points that a pipeline trains instead of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_core.errors import SpaceError, hint
from lemur_core.initial_weights import NAME, InitialWeights, identity_in
from lemur_core.points import Point, shortened
from lemur_core.space import EXECUTION, Choice, Space, Value, fixed, optional_of
from lemur_core.store.identity import prm_uid
from lemur_core.values import value_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Points:
    """The completed points that a pipeline trains, without duplicates.

    Args:
        points: The points that the user gave.
        space: Space of the pipeline, with the user's ranges in place of the net's.
        net: Name of the net, for errors.
        initial: Registers the files of initial weights that points name.

    Attributes:
        repeated: Source locations of points that repeat an earlier one.

    Raises:
        SpaceError: A point lacks a hyperparameter that has several values, has one that the net
            does not have, or has a value outside its range.
    """

    def __init__(
        self, points: Sequence[Point], space: Space, net: str, initial: InitialWeights
    ) -> None:
        self._prms: dict[str, dict[str, Value]] = {}
        self.repeated: list[str] = []
        for point in points:
            prm = _complete(_with_weights_identity(point, space, initial), space, net)
            uid = prm_uid(prm)
            if uid in self._prms:
                self.repeated.append(point.where)
            self._prms.setdefault(uid, prm)

    @classmethod
    def of(cls, prm: Mapping[str, Value]) -> Points:
        """Return the hyperparameters of a recorded trial as the only point."""
        points = cls((), {}, "", InitialWeights())
        points._prms[prm_uid(prm)] = dict(prm)
        return points

    def __len__(self) -> int:
        return len(self._prms)

    def __contains__(self, uid: object) -> bool:
        """Return whether a point has this identity."""
        return uid in self._prms

    def first_without(self, taken: Collection[str]) -> dict[str, Value] | None:
        """Return the first point whose identity is not in ``taken``; None if there is none."""
        return next((prm for uid, prm in self._prms.items() if uid not in taken), None)

    def fixed(self) -> dict[str, Value]:
        """Return the hyperparameters that have the same value in all points."""
        first, *others = self._prms.values()
        return {
            name: value
            for name, value in first.items()
            if all(name in prm and prm[name] == value for prm in others)
        }


def _with_weights_identity(point: Point, space: Space, initial: InitialWeights) -> Point:
    """Return a point with the identity of its initial weights in place of their file."""
    is_nets_own = NAME in space and identity_in(fixed(space)) is None
    if NAME not in point.prm or is_nets_own:
        return point
    identity = initial.add(point.prm[NAME], point.where)
    return point._replace(prm={**point.prm, NAME: identity})


def _complete(point: Point, space: Space, net: str) -> dict[str, Value]:
    optional = optional_of(space)
    if identity := identity_in(point.prm):
        optional.setdefault(NAME, Choice((identity,)))
    ranges = optional | space
    for name in point.prm:
        if name not in ranges:
            raise SpaceError(
                f"{point.where}: net {net!r} has no hyperparameter {name!r}"
                f"{hint(name, sorted(space))}"
            )
    lacking = [name for name in space if name not in point.prm and name not in fixed(space)]
    if lacking:
        raise SpaceError(
            f"{point.where} lacks {', '.join(lacking)} of net {net!r}; give a value in the point, "
            f"or one for all points, as in {_flag(lacking[0])}VALUE"
        )
    return fixed(space) | {name: _value(point, name, ranges, net) for name in point.prm}


def _value(point: Point, name: str, ranges: Space, net: str) -> Value:
    value_of_point, spec = point.prm[name], ranges[name]
    value = value_in(spec, value_of_point)
    if value is None:
        wider = "" if name in EXECUTION else f"; {_flag(name)}RANGE replaces it"
        raise SpaceError(
            f"{point.where}: {name}={shortened(str(value_of_point))} is not in the range of net "
            f"{net!r}, {spec}{wider}"
        )
    return value


def _flag(name: str) -> str:
    if name in ("lr", "batch", "momentum", "dropout", "transform"):
        return f"--{name} "
    return f"--set {name}="
