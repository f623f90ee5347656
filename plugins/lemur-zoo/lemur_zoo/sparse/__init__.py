"""Sparse twins of the members of a zoo, by variational dropout.

Molchanov, Ashukha, Vetrov: Variational Dropout Sparsifies Deep Neural Networks, ICML 2017. Each
weight w has noise of the variance sigma^2 = alpha w^2; a weight whose log alpha is high is little
but noise, and is cut.

- `lemur_zoo.sparse.variational`: the formulas.
- `lemur_zoo.sparse.training`: train the twins of a group together, in PyTorch.
- `lemur_zoo.sparse.choice`: which engine trains them.
- `lemur_zoo.sparse.twins`: the files of twins, and what reads them.
- `lemur_zoo.sparse.sparsify`: train the twins of a zoo.
- `lemur_zoo.sparse.figure`: their sparsity and accuracy after each epoch.
"""
