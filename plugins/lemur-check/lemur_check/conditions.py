"""What a verdict depends on besides the source and what was asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING, Any

from lemur_check.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

BUBBLEWRAP, NO_WALLS, TRUST = "bubblewrap", "none", "trust"
# Which limits must be greater for a net to come further than it did.
_LIMITS_OF = {
    "time": ("seconds",),
    "memory": ("memory_bytes", "scratch_bytes"),
    "lost": ("seconds", "memory_bytes", "processes", "scratch_bytes"),
}


def _versions() -> dict[str, str]:
    names = {"lemur-core": version("lemur-core"), "torch": version("torch")}
    return {"python": python_version(), **names}


@dataclass(frozen=True)
class Conditions:
    """How nets are run.

    Attributes:
        walls: What they are run behind: ``bubblewrap``; ``none``, but with limits; or ``trust``,
            with a limit on time only.
        limits: What each may take.
        versions: Of Python, lemur-core and torch, by name.
    """

    walls: str
    limits: Limits = field(default_factory=Limits)
    versions: Mapping[str, str] = field(default_factory=_versions)

    @classmethod
    def of(cls, sandbox: Sandbox) -> Conditions:
        """Return those of a sandbox, on this machine."""
        walls = TRUST if sandbox.trust else BUBBLEWRAP if sandbox.bubblewrap else NO_WALLS
        return cls(walls, sandbox.limits)

    def identity(self) -> dict[str, Any]:
        """Return what a verdict is only found again with; limits are not part of it."""
        return {"walls": self.walls, "versions": dict(self.versions)}

    def facts(self) -> dict[str, Any]:
        """Return the columns of a verdict that tell them."""
        return {**self.identity(), "limits": asdict(self.limits)}

    def is_answered_by(self, limit: str, limits: Mapping[str, Any]) -> bool:
        """Return whether a verdict holds with these limits too.

        Args:
            limit: Which limit ended the net; empty where none did.
            limits: The limits that it had.
        """
        own = asdict(self.limits)
        return all(own[name] <= limits.get(name, 0) for name in _LIMITS_OF.get(limit, ()))
