"""The conditions of a check, on which a verdict depends besides the source and the settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING, Any

from lemur_check.sandbox import Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

BUBBLEWRAP, NO_WALLS, TRUST = "bubblewrap", "none", "trust"
# The limits of which at least one must be greater for a net to get further than it did.
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
        walls: The sandbox: ``bubblewrap``; ``none``, with limits only; or ``trust``, with a time
            limit only.
        limits: Limits of each net.
        versions: Versions of Python, lemur-core and torch, by name.
    """

    walls: str
    limits: Limits = field(default_factory=Limits)
    versions: Mapping[str, str] = field(default_factory=_versions)

    @classmethod
    def of(cls, sandbox: Sandbox) -> Conditions:
        """Return the conditions of a sandbox on this machine."""
        walls = TRUST if sandbox.trust else BUBBLEWRAP if sandbox.bubblewrap else NO_WALLS
        return cls(walls, sandbox.limits)

    def identity(self) -> dict[str, Any]:
        """Return the conditions that identify a verdict; limits are not among them."""
        return {"walls": self.walls, "versions": dict(self.versions)}

    def facts(self) -> dict[str, Any]:
        """Return the fields of a verdict that describe the conditions."""
        return {**self.identity(), "limits": asdict(self.limits)}

    def is_answered_by(self, limit: str, limits: Mapping[str, Any]) -> bool:
        """Return whether a verdict would hold under these limits too.

        Args:
            limit: The limit that ended the net; empty if none did.
            limits: The limits under which the verdict was made.
        """
        current = asdict(self.limits)
        return all(current[name] <= limits.get(name, 0) for name in _LIMITS_OF.get(limit, ()))
