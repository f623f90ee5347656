"""The interfaces of entries, one module per kind.

`lemur_core.kinds.detector` is the interface of nets that detect objects.
`lemur_core.kinds.pretrained` is an alias of `lemur_core.pretrained`.
"""
