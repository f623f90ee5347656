"""End a process and all processes that it started, for programs that run untrusted code."""

from __future__ import annotations

from lemur_core.train.process_tree import end_tree

__all__ = ["end_tree"]
