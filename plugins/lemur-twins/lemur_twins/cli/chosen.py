"""The twin, the framework and the nets that a command is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lemur_core import installed
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from lemur_core import Entry
    from lemur_twins.twin import Twin


class Chosen(NamedTuple):
    """A twin and one of its frameworks.

    Attributes:
        name: Name of the twin.
        twin: The twin.
        framework: The framework that is compared with PyTorch.
        nets: The entries of the nets in PyTorch and in this framework.
    """

    name: str
    twin: Twin
    framework: str
    nets: tuple[Entry, Entry]


def chosen(name: str, framework: str | None) -> Chosen:
    """Return a twin and its nets in PyTorch and another framework.

    Args:
        name: Name of the twin.
        framework: Name of the framework; None means TensorFlow, if the twin has a net in it.

    Raises:
        UnknownNameError: There is no such twin, framework or net.
        SettingsError: The framework is PyTorch.
    """
    entry = installed().get("twin", name)
    twin: Twin = entry.load()
    other = framework or ("tensorflow" if "tensorflow" in twin.nets else twin.others[0])
    if other == "pytorch":
        raise SettingsError(
            f"--framework pytorch: is what others are compared with; expected one of "
            f"{', '.join(twin.others)}"
        )
    names = twin.net("pytorch", entry.name), twin.net(other, entry.name)
    nets = installed().get("net", names[0]), installed().get("net", names[1])
    return Chosen(entry.name, twin, other, nets)
