"""The engine that trains a member in each SIMD lane, in numba.

Each layer type is a pair of functions, forward and backward, that are compiled for the sizes and
places of one layer: numba treats the numbers that they close over as constants.

- `vectors`: a SIMD vector as a type of numba.
- `compiling`: compile functions, and keep them for the next process.
- `elementwise`: activations.
- `convolution`, `linear`, `simple`: the layers.
- `noisy`: what makes layers of them whose weights are noisy.
- `optimizers`: the steps.
- `program`, `noisy_program`: which functions a net consists of.
- `loops`: training and scoring.
- `engine`, `noisy_engine`: the engines of members and of sparse twins.
"""
