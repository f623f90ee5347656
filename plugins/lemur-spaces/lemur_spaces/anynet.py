"""AnyNetX: four stages of residual bottlenecks, each with its own numbers.

Radosavovic et al., Designing Network Design Spaces, CVPR 2020, section 3.2: depths of 1 to 16
blocks, widths of up to 1,024 channels in steps of 8, bottleneck ratios of 1, 2 and 4, and group
widths of 1 to 32, drawn on a logarithmic scale, each stage for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemur_spaces.complexity import (
    NOTHING,
    Complexity,
    Images,
    biased_conv,
    linear,
    normalised_conv,
    pooling,
    side_after,
)
from lemur_spaces.quantised import log_uniform, power_of_two
from lemur_spaces.space import Design, Space

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

STAGES = (1, 2, 3, 4)
DEFAULTS: Mapping[str, Any] = {"stem": "simple", "stem_width": 32, "stride_1": 2, "se": 0.0}
"""Hyperparameters of the net that AnyNetX leaves open, as the net fixes them."""
SHARED: Mapping[str, Any] = {
    "stem": ("simple", "imagenet", "cifar"),
    "stem_width": range(1, 4097),
    "stride_1": (1, 2),
}
"""Hyperparameters that are the same in all designs of a population, with their values."""
_STEMS = {"simple": (3, 2), "imagenet": (7, 2), "cifar": (3, 1)}


def draw(rng: Random) -> Design:
    """Draw a design of AnyNetX; in most of them, a group width does not fit the width."""
    design: dict[str, int] = {}
    for stage in STAGES:
        design[f"depth_{stage}"] = round(log_uniform(rng, 1, 16, 1))
        design[f"width_{stage}"] = round(log_uniform(rng, 8, 1024, 8))
        design[f"bottleneck_{stage}"] = power_of_two(rng, 1, 4)
        design[f"group_{stage}"] = power_of_two(rng, 1, 32)
    return design


def fault(design: Design) -> str:
    """Return why the numbers of a stage contradict each other; empty if they do not."""
    for stage, depth, width, ratio, group in _stages(design):
        if depth and width % ratio:
            return f"stage {stage}: bottleneck ratio {ratio} does not divide width {width}"
        if depth and width // ratio % group:
            return (
                f"stage {stage}: group width {group} does not divide the bottleneck's width "
                f"{width // ratio}"
            )
    return ""


def adjust(design: Design) -> Design:
    """Return a design whose group widths fit, as RegNet adjusts it.

    A group is at most as wide as the bottleneck, whose width becomes the closest multiple of the
    group width.
    """
    adjusted = dict(design)
    for stage, _, width, ratio, wanted in _stages(design):
        inner = max(1, width // ratio)
        group = min(wanted, inner)
        # As in Python, the multiple of two equally close ones is the even one.
        inner = max(group, round(inner / group) * group)
        adjusted |= {f"width_{stage}": inner * ratio, f"group_{stage}": group}
    return adjusted


def complexity(design: Design, images: Images) -> Complexity:
    """Return the complexity of a design of AnyNet by formula."""
    settings = {**DEFAULTS, **design}
    kernel, stride = _STEMS[settings["stem"]]
    channels, side = settings["stem_width"], side_after(images.px, stride)
    parts = [normalised_conv(images.channels, channels, kernel, side)]
    if settings["stem"] == "imagenet":
        side = side_after(side, 2)
        parts.append(pooling(channels, side))
    for stage, depth, width, ratio, group in _stages(design):
        if not depth:
            continue
        inner = (width // ratio, group, settings["se"])
        stride = settings["stride_1"] if stage == 1 else 2
        parts.append(_bottleneck(channels, width, side, stride, *inner))
        side, channels = side_after(side, stride), width
        parts.append(_bottleneck(width, width, side, 1, *inner).times(depth - 1))
    return linear(channels, images.classes).plus(*parts)


def shorten(design: Design) -> tuple[Design, Mapping[str, int]]:
    """Return a design with at most two blocks in each stage, and how often the second occurs."""
    depths = {stage: depth for stage, depth, *_ in _stages(design)}
    short = {f"depth_{stage}": min(depth, 2) for stage, depth in depths.items()}
    times = {f"stages.{stage - 1}.1.": depth - 1 for stage, depth in depths.items() if depth > 2}
    return {**design, **short}, times


def _stages(design: Mapping[str, Any]) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield number, depth, width, bottleneck ratio and group width of each stage."""
    for stage in STAGES:
        yield (
            stage,
            design[f"depth_{stage}"],
            design[f"width_{stage}"],
            design[f"bottleneck_{stage}"],
            design[f"group_{stage}"],
        )


def _bottleneck(
    channels_in: int, channels: int, side: int, stride: int, inner: int, group: int, se: float
) -> Complexity:
    """Return the complexity of a block; ``side`` is that of its input."""
    out = side_after(side, stride)
    projected = stride != 1 or channels_in != channels
    return normalised_conv(channels_in, inner, 1, side).plus(
        normalised_conv(inner, inner, 3, out, inner // group),
        normalised_conv(inner, channels, 1, out),
        normalised_conv(channels_in, channels, 1, out) if projected else NOTHING,
        _excitation(inner, round(channels_in * se)) if se else NOTHING,
    )


def _excitation(channels: int, squeezed: int) -> Complexity:
    return biased_conv(channels, squeezed, 1, 1).plus(biased_conv(squeezed, channels, 1, 1))


SPACE = Space(
    net="AnyNet",
    draw=draw,
    fault=fault,
    complexity=complexity,
    shared={**SHARED, "se": (0.0, 0.25)},
    adjust=adjust,
    shorten=shorten,
)
"""AnyNetX, the published space."""
