"""The interfaces that entries have, one module per kind.

`lemur_core.kinds.detector` is that of nets which find objects. `lemur_core.kinds.pretrained` is
another name of `lemur_core.pretrained`.
"""
