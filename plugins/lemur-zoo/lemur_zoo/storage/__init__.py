"""The folder of a zoo: a header, a table of members, arrays of weights and scores, and the states.

- ``zoo.json``: the header, which describes the rest (`lemur_zoo.storage.header`).
- ``members.csv``: a row for each member with its split, seed and factors.
- ``extra.csv``: further measurements of an imported zoo, by member and epoch.
- ``weights-*.f32``: float32, little-endian, ``(members, epochs + 1, parameters)``; epoch 0 is the
  state before training.
- ``metrics-*.f64``: float64, little-endian, ``(members, epochs + 1, 3, 2)``: loss and accuracy on
  the training, validation and test images. Those on the training images are means over the epoch's
  batches before their steps, as it was trained; at epoch 0, those of the state.
- ``states/*.npz``: the optimizer's state of each group of members after its last whole epoch. It is
  replaced after an epoch's weights and scores are on the disk, so its number is the number of whole
  epochs; whatever the arrays hold of later ones does not count.
"""
