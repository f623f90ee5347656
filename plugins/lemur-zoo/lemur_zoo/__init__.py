"""Model zoos: populations of small nets, trained together, with the weights of every epoch.

- `lemur_zoo.layers`: the layers of a net, read from its modules.
- `lemur_zoo.members`: what the members of a population differ in, and the state of their training.
- `lemur_zoo.engine`: train a population, an epoch at a time.
- `lemur_zoo.cli`: the commands.
"""
