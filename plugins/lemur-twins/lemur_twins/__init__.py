"""Twins: the same net in PyTorch, JAX and Keras, and where they part.

A twin is an entry of the kind ``twin``: a net in each of several frameworks. None of the frameworks
but PyTorch is imported before a net of it is used.

- `lemur_twins.twin`: the interface of twins. `lemur_twins.testing`: their contract tests.
- `lemur_twins.frameworks`: the frameworks, and their import.
- `lemur_twins.conventions`: in what they differ, and how to match them.
- `lemur_twins.hyperparameters`: how twins are trained.
- `lemur_twins.backends`: one module for each framework trains its nets.
- `lemur_twins.nets`: the nets, one file for each framework.
- `lemur_twins.weights`: the weights of a net in the layout of its twin.
- `lemur_twins.parity`: how far twins are apart. `lemur_twins.definitions`: how their layers differ.
- `lemur_twins.cli`: the commands.
"""
