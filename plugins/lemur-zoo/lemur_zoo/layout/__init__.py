"""The layout in which the model zoos were published: a folder for each member.

- ``<member>/params.json``: the member's factors, as ``model::nlin``, ``optim::lr``, ``seed``, ...
- ``<member>/result.json``: a JSON object in each line, with ``training_iteration`` from 0, losses
  and accuracies; -999 where nothing was measured.
- ``<member>/checkpoint_<epoch>/checkpoints``: the state dictionary; the number has six digits, or
  no leading zeros. ``optimizer``, beside it, is the state of the optimizer.
- ``index_dict.json``: the layers with their numbers in the state dictionary, and the splits of
  members. In nets with dropout the numbers are larger, as dropout modules are counted.
- ``config.json``: what the members have in common; newer zoos have it.
"""
