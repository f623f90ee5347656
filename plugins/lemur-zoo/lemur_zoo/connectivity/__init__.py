"""What is between members: permutations of units, linear paths, and averages of weights.

- `lemur_zoo.connectivity.units`: permute the units of a net without changing its function.
- `lemur_zoo.connectivity.alignment`: the permutation that makes two members most alike.
- `lemur_zoo.connectivity.paths`: the scores on the straight line between two members.
- `lemur_zoo.connectivity.averages`: averages of members' weights (soups), and their ensemble.
"""
