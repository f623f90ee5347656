"""What ``lemur show`` says of an entry beside the facts that all kinds have."""

from __future__ import annotations

from collections.abc import Iterator

from lemur_core.entry import Entry


def of_net(entry: Entry) -> Iterator[str]:
    """Yield a net's hyperparameters with their ranges."""
    from lemur_core.kinds.net import as_net
    from lemur_core.space import of_net as space_of

    space = space_of(as_net(entry.load(), entry.name).hyperparameters())
    width = max(map(len, space))
    yield "hyperparameters"
    for name, one in sorted(space.items()):
        yield f"  {name:<{width}}  {one}"


def of_estimator(entry: Entry) -> Iterator[str]:
    """Yield an estimator's options with their defaults."""
    from lemur_core.kinds.asked import options_of

    options = options_of(entry.load(), entry.name)
    yield f"{'options':<12}{', '.join(f'{name}={value}' for name, value in options.items())}"
