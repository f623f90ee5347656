"""Populations: designs of a space that are drawn at random and lie in bands of complexity."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import MisfitError, SettingsError
from lemur_spaces.band import lies_in
from lemur_spaces.complexity import IMAGENET, Complexity, Images
from lemur_spaces.space import Design, Space, Value, name_of, values_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lemur_spaces.band import Bands

MOST_DRAWS = 1_000_000
"""Number of draws after which a population is given up by default."""


@dataclass(frozen=True)
class Request:
    """What a population is drawn from; equal requests give equal populations.

    Attributes:
        name: Name of the space.
        space: The space.
        count: Number of designs.
        bands: Limits of complexities.
        images: The images at which complexities are computed.
        seed: Seed of the draws.
        shared: Hyperparameters that all designs have in common.
        is_adjusted: Whether invalid designs are adjusted as the space defines it, or left out.
        most_draws: Maximum number of draws.
    """

    name: str
    space: Space
    count: int
    bands: Bands
    images: Images = IMAGENET
    seed: int = 0
    shared: Mapping[str, Value] = field(default_factory=dict)
    is_adjusted: bool = True
    most_draws: int = MOST_DRAWS


class PopulationMember(NamedTuple):
    """A design of a population.

    Attributes:
        name: Name of the design, unique in the population.
        design: Values of the net's hyperparameters, shared ones included.
        complexity: Complexity by formula.
    """

    name: str
    design: Design
    complexity: Complexity


@dataclass
class DrawCounts:
    """What became of the draws.

    Attributes:
        total: Number of draws.
        adjusted: Those that were invalid and were adjusted.
        rejected: Those that are no valid designs.
        outside: Those that are valid and lie outside a band.
        repeated: Those that are equal to an earlier member.
        seen: The lowest and the highest value of each complexity among valid designs.
    """

    total: int = 0
    adjusted: int = 0
    rejected: int = 0
    outside: int = 0
    repeated: int = 0
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = {
            "adjusted": self.adjusted,
            "invalid": self.rejected,
            "outside the band": self.outside,
            "repeated": self.repeated,
        }
        parts = [
            f"{count:,} {what} ({count / self.total:.1%})"
            for what, count in counts.items()
            if count
        ]
        draws = f"{self.total:,} draw{'s' * (self.total != 1)}"
        return f"{draws}{': ' if parts else ''}{', '.join(parts)}"


class Population(NamedTuple):
    """Designs of a space, in the order in which they were drawn.

    Attributes:
        members: The designs.
        draws: What became of the draws.
    """

    members: Sequence[PopulationMember]
    draws: DrawCounts

    def summary(self, space: str) -> str:
        """Return a line about the designs, which are drawn from the space of this name."""
        count = len(self.members)
        return f"{count:,} design{'s' * (count != 1)} of {space} from {self.draws}"


def draw_population(request: Request) -> Population:
    """Draw a population.

    Raises:
        SettingsError: The request is contradictory, or too few draws are in the bands.
    """
    _check(request)
    draws = DrawCounts()
    members: dict[str, PopulationMember] = {}
    for member in _valid(request, draws):
        if not lies_in(member.complexity, request.bands):
            draws.outside += 1
        elif member.name in members:
            draws.repeated += 1
        else:
            members[member.name] = member
        if len(members) == request.count:
            return Population(list(members.values()), draws)
    raise SettingsError(_too_few(request, len(members), draws))


def _valid(request: Request, draws: DrawCounts) -> Iterator[PopulationMember]:
    """Yield the valid designs, adjusted ones included, until the draws are used up."""
    space, rng = request.space, Random(request.seed)
    while draws.total < request.most_draws:
        draws.total += 1
        design = _valid_design(request, space.draw(rng), draws)
        complexity = _complexity(space, design, request.images) if design else None
        if design is None or complexity is None:
            draws.rejected += 1
            continue
        for name, value in complexity._asdict().items():
            low, high = draws.seen.get(name, (value, value))
            draws.seen[name] = min(low, value), max(high, value)
        yield PopulationMember(name_of(request.name, design), design, complexity)


def _valid_design(request: Request, design: Design | None, draws: DrawCounts) -> Design | None:
    """Return a valid design of what was drawn; None if there is none."""
    if design is None:
        return None
    space, design = request.space, {**request.shared, **design}
    if not space.fault(design):
        return design
    if not request.is_adjusted or space.adjust is None:
        return None
    design = space.adjust(design)
    if space.fault(design):
        return None
    draws.adjusted += 1
    return design


def _complexity(space: Space, design: Design, images: Images) -> Complexity | None:
    try:
        return space.complexity(design, images)
    except MisfitError:
        return None


def _check(request: Request) -> None:
    for name in ("count", "most_draws"):
        if getattr(request, name) < 1:
            raise SettingsError(f"{name} is {getattr(request, name)}; expected 1 or more")
    for name, value in request.images._asdict().items():
        if value < 1:
            raise SettingsError(f"{name} is {value}; expected 1 or more")
    check_shared(request.name, request.space, request.shared)


def check_shared(name: str, space: Space, values: Mapping[str, Value]) -> None:
    """Check hyperparameters that all designs of a population are to have in common.

    Args:
        name: Name of the space.
        space: The space.
        values: The hyperparameters.

    Raises:
        SettingsError: The space does not share one of them, or not with this value.
    """
    for shared, value in values.items():
        if shared not in space.shared:
            known = f"expected {', '.join(space.shared)}" if space.shared else "it shares none"
            raise SettingsError(f"space {name!r} does not share {shared!r}; {known}")
        if not _has(space.shared[shared], value):
            raise SettingsError(f"{shared}={value}: expected {values_text(space.shared[shared])}")


def _has(values: Container[Value], value: Value) -> bool:
    """Return whether a value is one of several, of the same type: 32.0 is not one of integers."""
    if isinstance(values, Iterable):
        return any(value == known and type(value) is type(known) for known in values)
    return value in values


def _too_few(request: Request, count: int, draws: DrawCounts) -> str:
    bands = ", ".join(f"{name} {band}" for name, band in request.bands.items())
    seen = "; ".join(
        f"{name} of valid designs: {draws.seen[name][0]:,}..{draws.seen[name][1]:,}"
        for name in request.bands
        if name in draws.seen
    )
    where = f" with {bands}" if bands else ""
    wanted = f"{request.count:,} design{'s' * (request.count != 1)}"
    return (
        f"space {request.name!r}: {count:,} of {wanted}{where} at {request.images.px} px in {draws}"
        f"{'; ' if seen else ''}{seen}; widen the band, or allow more draws"
    )
