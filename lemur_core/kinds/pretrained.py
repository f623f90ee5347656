"""Another name of `lemur_core.pretrained`, which the code of recorded nets imports.

The text of a net's file identifies it, so that a file which says this name keeps its trials.
"""

from __future__ import annotations

from lemur_core.pretrained import load_backbone, local_weights

__all__ = ["load_backbone", "local_weights"]
