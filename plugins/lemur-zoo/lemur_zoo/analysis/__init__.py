"""How members differ, and what their weights predict: Tables 2 and 3 of the paper.

- `lemur_zoo.analysis.outputs`: what members predict, and their representations.
- `lemur_zoo.analysis.diversity`: how much members differ, over all pairs (Table 2).
- `lemur_zoo.analysis.statistics`: the statistics of weights that properties are predicted from.
- `lemur_zoo.analysis.linear`: the linear models that predict.
- `lemur_zoo.analysis.prediction`: predict properties of members from their weights (Table 3).
- `lemur_zoo.analysis.projection`: principal components, for pictures.
"""
