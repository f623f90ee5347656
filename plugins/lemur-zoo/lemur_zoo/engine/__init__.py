"""Engines that train the members of a group together.

- `lemur_zoo.engine.choice`: which of them trains a net.
- `lemur_zoo.engine.lanes`: a member in each SIMD lane, for nets made of `lemur_zoo.layers`.
- `lemur_zoo.engine.grouped`: members as the groups of one convolution, in PyTorch.
- `lemur_zoo.engine.together`: the class scores of many members at once, in PyTorch.
- `lemur_zoo.engine.batch_draws`: their random numbers, in PyTorch.
- `lemur_zoo.engine.variational`: the numbers of variational dropout.
- `lemur_zoo.engine.one_by_one`: one member at a time, any net, in PyTorch.

All draw the same numbers for a member, and differ in rounding. With `lanes`, a member also has the
same bits in any company, in any lane, and on any processor with fused multiply-add.
"""
