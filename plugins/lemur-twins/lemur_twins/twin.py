"""The interface of twins.

A twin is an entry of the kind ``twin``, registered with ``lemur_register_twins``, whose target is a
`Twin`: the names of the nets that are the same net in different frameworks. Each of them is also an
entry of the kind ``net``.

The nets of a twin with the definition ``shared`` have the same architecture: layers of the same
names, types and sizes, from which the map between their weights is derived. Those with the
definition ``library`` are what libraries give the same name; `lemur_twins.definitions` finds their
differences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lemur_core.errors import ContractError, UnknownNameError
from lemur_twins.frameworks import FRAMEWORKS, framework_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core import Entry

TASK, METRIC = "img-classification", "acc"
"""What the nets of twins are trained for, and the metric by which they are compared."""
SHARED, LIBRARY = "shared", "library"


class MissingNetError(UnknownNameError):
    """A twin has no net in a framework.

    Attributes:
        twin: Name of the twin.
    """

    def __init__(self, twin: str, framework: str, known: Mapping[str, str]) -> None:
        self.twin, self.kind, self.name, self.known = twin, "framework", framework, [*known]
        LookupError.__init__(
            self, f"twin {twin!r} has no net in {framework}; it has {', '.join(known)}"
        )


@dataclass(frozen=True)
class Twin:
    """The same net in several frameworks.

    Attributes:
        nets: The name of the net in each framework. ``pytorch`` is required: the other nets are
            compared with it.
        definition: ``shared`` if the nets have the same architecture, ``library`` if they are what
            libraries give the same name.
        image: Channels, height and width of the images for which the net is compared.
        classes: The number of classes for which it is compared.
        prm: Hyperparameters of the net with which its contract tests are run, for example a
            smaller width; others have the middle of their range.
        tolerance: The largest difference of outputs and gradients that float noise explains, which
            normalisations in deep nets amplify. A step may differ by a tenth of it.

    Raises:
        ContractError: The nets are not those of a twin.
    """

    nets: Mapping[str, str]
    definition: str = SHARED
    image: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10
    prm: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        unknown = [name for name in self.nets if name not in FRAMEWORKS]
        if unknown or "pytorch" not in self.nets or len(self.nets) < 2:
            raise ContractError(
                f"twin with nets in {', '.join(self.nets) or 'no framework'}: expected pytorch and "
                f"at least one of {', '.join(name for name in FRAMEWORKS if name != 'pytorch')}"
            )
        if self.definition not in (SHARED, LIBRARY):
            raise ContractError(
                f"twin with definition {self.definition!r}: expected {SHARED} or {LIBRARY}"
            )

    @property
    def others(self) -> list[str]:
        """The frameworks of the nets besides PyTorch."""
        return [name for name in self.nets if name != "pytorch"]

    def net(self, framework: str, twin: str) -> str:
        """Return the name of the net in a framework.

        Args:
            framework: Name of the framework.
            twin: Name of the twin, for errors.

        Raises:
            UnknownNameError: There is no such framework, or the twin has no net in it.
        """
        framework_named(framework)
        if framework not in self.nets:
            raise MissingNetError(twin, framework, self.nets)
        return self.nets[framework]


def twin_of(
    name: str, definition: str = SHARED, leave_out: tuple[str, ...] = (), **options: Any
) -> Twin:
    """Return a twin whose nets are called ``NAME.FRAMEWORK``, in all frameworks but some.

    >>> twin_of("MLP").nets["jax"]
    'MLP.jax'
    """
    frameworks = [framework for framework in FRAMEWORKS if framework not in leave_out]
    nets = {framework: f"{name}.{framework}" for framework in frameworks}
    return Twin(nets, definition, **options)


def details(entry: Entry) -> Iterator[str]:
    """Yield the lines that ``lemur show twin`` adds for a twin."""
    twin: Twin = entry.load()
    yield f"definition  {twin.definition}"
    for framework, net in twin.nets.items():
        missing = framework_named(framework).missing()
        yield f"{framework:<11} {net}{f' (not installed: {missing})' if missing else ''}"
