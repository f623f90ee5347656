"""The points that a pipeline trains instead of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import SpaceError, hint
from lemur_core.initial_weights import NAME, InitialWeights, identity_in
from lemur_core.points import Point, shortened
from lemur_core.space import EXECUTION, Choice, Space, Value, fixed, optional_of
from lemur_core.store.identity import prm_uid
from lemur_core.values import value_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


SEED = "seed"
"""Name of the seed in a point, unless the net has a hyperparameter of this name."""
_MOST_SEED = 2**63 - 1


class CompletePoint(NamedTuple):
    """A point with a value for each hyperparameter.

    Attributes:
        prm: The hyperparameters.
        seed: Seed of its trial; None derives one.
    """

    prm: dict[str, Value]
    seed: int | None = None


class Points:
    """The completed points that a pipeline trains, without duplicates.

    The identity of a point is that of its hyperparameters, and of its seed if it names one.

    Args:
        points: The points that the user gave.
        space: Space of the pipeline, with the user's ranges in place of the net's.
        net: Name of the net, for errors.
        initial: Registers the files of initial weights that points name.

    Attributes:
        repeated: Source locations of points that repeat an earlier one.

    Raises:
        SpaceError: A point lacks a hyperparameter that has several values, has one that the net
            does not have, has a value outside its range, or has an invalid seed.
    """

    def __init__(
        self, points: Sequence[Point], space: Space, net: str, initial: InitialWeights
    ) -> None:
        self._points: dict[str, CompletePoint] = {}
        self.repeated: list[str] = []
        for given in points:
            point, seed = _without_seed(given, space)
            prm = _complete(_with_weights_identity(point, space, initial), space, net)
            identity = _identity(prm_uid(prm), seed)
            if identity in self._points:
                self.repeated.append(point.where)
            self._points.setdefault(identity, CompletePoint(prm, seed))

    @classmethod
    def of(cls, prm: Mapping[str, Value]) -> Points:
        """Return the hyperparameters of a recorded trial as the only point."""
        points = cls((), {}, "", InitialWeights())
        points._points[prm_uid(prm)] = CompletePoint(dict(prm))
        return points

    def __len__(self) -> int:
        return len(self._points)

    def __contains__(self, identity: object) -> bool:
        """Return whether a point has this identity."""
        return identity in self._points

    @property
    def have_seeds(self) -> bool:
        """Whether a point names its seed."""
        return any(point.seed is not None for point in self._points.values())

    def identity(self, uid: str, seed: int | None) -> str:
        """Return the identity of the point to which a trial belongs.

        Args:
            uid: Identity of the trial's hyperparameters.
            seed: Seed of the trial.
        """
        with_seed = _identity(uid, seed)
        return with_seed if with_seed in self._points else uid

    def first_without(self, taken: Collection[str]) -> CompletePoint | None:
        """Return the first point whose identity is not in ``taken``; None if there is none."""
        return next(
            (point for identity, point in self._points.items() if identity not in taken), None
        )

    def fixed(self) -> dict[str, Value]:
        """Return the hyperparameters that have the same value in all points."""
        first, *others = (point.prm for point in self._points.values())
        return {
            name: value
            for name, value in first.items()
            if all(name in prm and prm[name] == value for prm in others)
        }


def _identity(uid: str, seed: int | None) -> str:
    return uid if seed is None else f"{uid}@{seed}"


def _without_seed(point: Point, space: Space) -> tuple[Point, int | None]:
    """Return a point without its seed, and the seed."""
    if SEED not in point.prm or SEED in space:
        return point, None
    given = point.prm[SEED]
    # Values from a CSV file are strings.
    digits = str(given)
    is_whole = not isinstance(given, bool) and digits.isascii() and digits.isdigit()
    if not is_whole or int(digits) > _MOST_SEED:
        raise SpaceError(
            f"{point.where}: seed is {shortened(repr(given))}; expected a whole number from 0 to "
            "2^63 - 1"
        )
    others = {name: value for name, value in point.prm.items() if name != SEED}
    return point._replace(prm=others), int(digits)


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
