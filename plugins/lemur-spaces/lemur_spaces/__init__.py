"""Design spaces of nets: sampled, counted, trained on several datasets, and ranked.

A design space is an entry of the kind ``space``: a net whose hyperparameters are the numbers of a
design, and a function that draws designs at random.

- `lemur_spaces.space`: the interface of spaces. `lemur_spaces.rules`: their contract tests.
- `lemur_spaces.anynet`, `lemur_spaces.regnet`, `lemur_spaces.cnn`: the registered spaces.
- `lemur_spaces.quantised`: random numbers on a grid, from which designs are drawn.
- `lemur_spaces.complexity`: parameters, multiply-adds and activations by formula.
- `lemur_spaces.counting`: the same, counted while the net runs on torch's device ``meta``.
- `lemur_spaces.population`: draw the designs of a space that lie in a band of complexity.
- `lemur_spaces.study`: train a population on several datasets.
- `lemur_spaces.cli`: the commands.
"""
