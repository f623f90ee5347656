"""The engine that trains one sparse twin in each SIMD lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_zoo.engine.lanes.engine import REGISTERS, LaneGroup, Lanes
from lemur_zoo.engine.lanes.noisy_program import assemble_noisy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32
    from numpy.typing import NDArray

    from lemur_zoo.engine.lanes.program import Program
    from lemur_zoo.engine.variational import TwinSettings
    from lemur_zoo.layers import Layers
    from lemur_zoo.members import GroupSettings, MemberSettings, SplitArrays


class NoisyLanes(Lanes):
    """Trains one sparse twin in each SIMD lane, by variational dropout.

    The parameters of a state are the weights, followed by the logarithms of their variances.

    Args:
        settings: What the members have in common.
        members: What they differ in.
        twins: What their twins have beyond.
        images: The training split.
        lanes: Number of lanes, 4, 8 or 16; None for what the processor has.
        threads: Number of threads.

    Raises:
        SettingsError: The processor has no such vectors.
        MisfitError: A class is none of the net's.
    """

    def __init__(
        self,
        settings: GroupSettings,
        members: MemberSettings,
        twins: TwinSettings,
        images: SplitArrays,
        *,
        lanes: int | None = None,
        threads: int = 1,
    ) -> None:
        self.twins = twins
        super().__init__(settings, members, images, lanes=lanes, threads=threads)

    def _program(self, layers: Layers, fuse: bool) -> Program:
        return assemble_noisy(layers, self.shape, self.lanes, REGISTERS[self.lanes])

    def _lrs(self, group: LaneGroup) -> Sequence[NDArray[float32]]:
        return group.settings.lr, self.twins.variance_lr[group.members]

    def _values(self, group: LaneGroup, epoch: int) -> NDArray[float32]:
        values = super()._values(group, epoch)
        values[self.program.kl_weight] = self.twins.kl_weight_in(epoch)[group.members]
        return values
