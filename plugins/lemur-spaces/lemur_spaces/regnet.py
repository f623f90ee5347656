"""RegNetX and RegNetY: AnyNets whose widths lie on a quantised line.

Radosavovic et al., Designing Network Design Spaces, CVPR 2020, sections 3.3 and 4. The width of
block j is ``w_0 + w_a j``, rounded to ``w_0`` times a power of ``w_m`` and to a multiple of 8;
blocks of one width are a stage. Drawn are a depth of 12 to 28 blocks, ``w_0`` and ``w_a`` of up to
256, ``w_m`` from 2 to 3, and a group width of up to 128, for four stages, as in the authors' search
for small nets. RegNetY adds squeeze-and-excitation.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lemur_spaces import anynet
from lemur_spaces.quantised import log_uniform, power_of_two_or_multiple, uniform

if TYPE_CHECKING:
    from random import Random

    from lemur_spaces.space import Design

_STEP = 8
_SE = 0.25


class Line(NamedTuple):
    """The numbers of a RegNet.

    Attributes:
        depth: Number of blocks.
        start: Width of the first block, ``w_0``; a multiple of 8.
        slope: Increase of the width with each block, ``w_a``.
        ratio: Ratio of the widths of neighbouring stages, ``w_m``.
        group: Group width.
    """

    depth: int
    start: int
    slope: float
    ratio: float
    group: int


def draw_line(rng: Random) -> Line:
    """Draw the numbers of a RegNet; not all of them have four stages."""
    return Line(
        depth=uniform(rng, 12, 28),
        start=round(log_uniform(rng, 8, 256, 8)),
        slope=log_uniform(rng, 8, 256, 0.1),
        ratio=log_uniform(rng, 2, 3, 0.001),
        group=power_of_two_or_multiple(rng, 8, 128, 8),
    )


def stages_of(line: Line) -> tuple[dict[int, int], int]:
    """Return the blocks of each width, and the number of stages up to the last exponent.

    The numbers differ if an exponent is skipped, or if two are rounded to the same width.

    >>> stages_of(Line(depth=13, start=24, slope=36.44, ratio=2.49, group=8))
    ({24: 1, 56: 1, 152: 4, 368: 7}, 4)
    """
    exponents = [
        round(math.log((line.start + line.slope * block) / line.start) / math.log(line.ratio))
        for block in range(line.depth)
    ]
    widths = [round(line.start * line.ratio**exponent / _STEP) * _STEP for exponent in exponents]
    return dict(sorted(Counter(widths).items())), max(exponents) + 1


def design_of(line: Line, se: float = 0.0) -> Design | None:
    """Return the design of a RegNet; None unless it has four stages and skips none.

    Args:
        line: The numbers of the RegNet.
        se: Channels of squeeze-and-excitation, as a share of a block's input; 0 for none.
    """
    blocks, total = stages_of(line)
    if not len(blocks) == total == len(anynet.STAGES):
        return None
    design: dict[str, int | float | str] = {"se": se} if se else {}
    for stage, (width, depth) in zip(anynet.STAGES, blocks.items(), strict=True):
        design |= {f"depth_{stage}": depth, f"width_{stage}": width}
        design |= {f"bottleneck_{stage}": 1, f"group_{stage}": line.group}
    return design


def draw(rng: Random) -> Design | None:
    """Draw a design of RegNetX; None if it does not have four stages."""
    return design_of(draw_line(rng))


def draw_with_excitation(rng: Random) -> Design | None:
    """Draw a design of RegNetY; None if it does not have four stages."""
    return design_of(draw_line(rng), _SE)


REGNET_X = replace(anynet.SPACE, draw=draw, shared=anynet.SHARED)
"""RegNetX."""
REGNET_Y = replace(REGNET_X, draw=draw_with_excitation)
"""RegNetY."""
