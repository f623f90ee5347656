"""Lines that ``lemur show`` adds for entries of some kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_core.entry import Entry


def net_details(entry: Entry) -> Iterator[str]:
    """Yield a net's hyperparameters with their ranges."""
    from lemur_core.kinds.net import as_net
    from lemur_core.space import net_space
    from lemur_core.values import preset

    space = preset(net_space(as_net(entry.load(), entry.name).hyperparameters()), entry.prm)
    width = max(map(len, space))
    yield "hyperparameters"
    for name, values in sorted(space.items()):
        yield f"  {name:<{width}}  {values}"


def estimator_details(entry: Entry) -> Iterator[str]:
    """Yield an estimator's options with their defaults."""
    return _options("estimator", entry.load(), entry.name)


def tracker_details(entry: Entry) -> Iterator[str]:
    """Yield a tracker's options with their defaults."""
    return _options("tracker", entry.load(), entry.name)


def exporter_details(entry: Entry) -> Iterator[str]:
    """Yield an exporter's options with their defaults."""
    return _options("exporter", entry.load(), entry.name)


def importer_details(entry: Entry) -> Iterator[str]:
    """Yield an importer's options with their defaults."""
    return _options("importer", entry.load().read, entry.name)


def _options(kind: str, target: Any, name: str) -> Iterator[str]:
    from lemur_core.options import options_of

    options = options_of(kind, target, name)
    if options:
        yield f"{'options':<12}{', '.join(f'{name}={value}' for name, value in options.items())}"
