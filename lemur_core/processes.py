"""End a process with everything that it started, for programs that run foreign code."""

from __future__ import annotations

from lemur_core.train.process_tree import end_tree

__all__ = ["end_tree"]
