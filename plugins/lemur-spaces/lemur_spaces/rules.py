"""Contract tests of design spaces, for plugins that register them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from lemur_core import installed
from lemur_core.errors import MisfitError
from lemur_spaces.complexity import Images
from lemur_spaces.population import Request, draw_population
from lemur_spaces.space import Space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lemur_core import Entry

_DRAWS = 200
_COUNTED = 5


class SpaceRules:
    """Rules of spaces: designs are reproducible and valid, and formulas equal the net's counts.

    Attributes:
        space_images: The images for which designs are built.
    """

    entries: Mapping[str, Sequence[Entry]]
    space_images = Images(px=64, channels=3, classes=10)

    def net_of(self, space: Entry) -> Entry:
        """Return the net of a space, from the tested plugin or another one that is installed."""
        name = space.load().net
        own = (net for net in self.entries["net"] if net.name == name)
        return next(own, None) or installed().get("net", name)

    def test_space_is_a_space(self, space: Entry) -> None:
        """The target is a `Space` whose net is known."""
        target = space.load()
        assert isinstance(target, Space), f"space {space.name!r}: is {target!r}, expected a Space"
        self.net_of(space)

    def test_space_draws_the_same_designs_from_the_same_seed(self, space: Entry) -> None:
        """Draws depend on the generator alone, and differ from one another."""
        target = space.load()
        first, second = (
            [target.draw(rng) for _ in range(_DRAWS)] for rng in (Random(1), Random(1))
        )
        assert first == second, f"space {space.name!r}: draws other designs from the same seed"
        assert any(design != first[0] for design in first), (
            f"space {space.name!r}: draws the same design each time"
        )

    def test_space_adjusts_designs_to_valid_ones(self, space: Entry) -> None:
        """A valid design is not changed, and adjusting twice changes nothing more."""
        target, rng = space.load(), Random(2)
        for design in filter(None, (target.draw(rng) for _ in range(_DRAWS))):
            if target.adjust is None:
                return
            adjusted = target.adjust(design)
            assert target.fault(design) or adjusted == design, (
                f"space {space.name!r}: adjusts {design}, which is valid, to {adjusted}"
            )
            assert target.fault(adjusted) or target.adjust(adjusted) == adjusted, (
                f"space {space.name!r}: adjusts {adjusted} again"
            )

    def test_space_has_the_complexity_of_its_net(self, space: Entry) -> None:
        """The formula equals what is counted in the net, for designs drawn at random."""
        from lemur_spaces.counting import count_design

        target, net, images = space.load(), self.net_of(space), self.space_images
        for member in draw_population(Request(space.name, target, _COUNTED, {}, images)).members:
            counted = count_design(target, net, member.design, images)
            assert member.complexity == counted, (
                f"space {space.name!r}: {dict(member.design)} has {member.complexity} by formula; "
                f"its net has {counted}"
            )

    def test_space_counts_repeated_parts_right(self, space: Entry) -> None:
        """What is left out of a shortened design counts as often as it is repeated."""
        import torch

        from lemur_spaces.counting import build, count, count_design

        target, net, images = space.load(), self.net_of(space), self.space_images
        for member in draw_population(Request(space.name, target, 1, {}, images)).members:
            with torch.device("meta"):
                whole = count(build(net, member.design, images), images)
            assert whole == count_design(target, net, member.design, images)

    def test_space_says_what_does_not_fit(self, space: Entry) -> None:
        """On images that are too small, a design has a complexity or raises `MisfitError`."""
        target, rng = space.load(), Random(3)
        for design in filter(None, (target.draw(rng) for _ in range(_DRAWS))):
            try:
                target.complexity(target.adjust(design) if target.adjust else design, Images(px=1))
            except MisfitError:
                continue
