"""`lemur_core.pretrained`, under the name by which recorded nets import it."""

from __future__ import annotations

from lemur_core.pretrained import load_backbone, local_weights

__all__ = ["load_backbone", "local_weights"]
