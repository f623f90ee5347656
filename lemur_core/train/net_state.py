"""Save and restore the state of a net other than its weights: optimizers, schedulers and others.

The attributes of a net and of its modules are inspected, including items of lists, tuples and
dictionaries. These values have a state:

- an object with ``state_dict`` and ``load_state_dict``, an optimizer for example;
- a `torch.Generator`;
- a tensor that is neither a parameter nor a buffer;
- a number, text, None, or a container of these.

Attributes of other types are left as the net's own code initialises them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_PLAIN = (bool, int, float, str, type(None))
_CONTAINERS = (list, tuple, dict)
# Attributes that every module has; torch manages them.
_OF_EVERY_MODULE = frozenset(vars(nn.Module()))

State = tuple[str, Any]
"""The kind of a value's state, and the state."""


def net_state(net: nn.Module) -> dict[str, dict[str, State]]:
    """Return the state of each attribute that has one, by module and name, sharing tensors."""
    registered = {id(module) for module in net.modules()}
    states = {name: _attributes(module, registered) for name, module in net.named_modules()}
    return {name: attributes for name, attributes in states.items() if attributes}


def restore_net_state(net: nn.Module, states: dict[str, dict[str, State]]) -> None:
    """Restore the attributes of a net that has just been set up from the result of `net_state`.

    Raises:
        Exception: A module or attribute is missing, or does not accept its state.
    """
    for module, attributes in states.items():
        owner = net.get_submodule(module)
        for name, state in attributes.items():
            setattr(owner, name, _restored(getattr(owner, name, None), state))


def _attributes(module: nn.Module, registered: Collection[int]) -> dict[str, State]:
    attributes = (item for item in vars(module).items() if item[0] not in _OF_EVERY_MODULE)
    states = ((name, _state(value, registered)) for name, value in attributes)
    return {name: state for name, state in states if state is not None}


def _state(value: Any, registered: Collection[int]) -> State | None:
    if _is_plain(value):
        return "plain", value
    if isinstance(value, torch.Generator):
        return "generator", value.get_state()
    if isinstance(value, nn.Parameter) or id(value) in registered:
        return None
    if isinstance(value, Tensor):
        return "tensor", value.detach()
    if callable(getattr(value, "state_dict", None)):
        return "stateful", value.state_dict()
    if type(value) in _CONTAINERS:
        items = {
            key: state
            for key, item in _items(value)
            if isinstance(key, _PLAIN) and (state := _state(item, registered)) is not None
        }
        return ("items", items) if items else None
    return None


def _is_plain(value: Any) -> bool:
    if type(value) in _CONTAINERS:
        return all(_is_plain(item) and isinstance(key, _PLAIN) for key, item in _items(value))
    return isinstance(value, _PLAIN)


def _items(container: Any) -> Iterator[tuple[Any, Any]]:
    return iter(container.items()) if isinstance(container, dict) else enumerate(container)


def _restored(value: Any, state: State) -> Any:
    """Return a value in its state, as the same object if others may refer to it."""
    kind, saved = state
    if kind == "plain" or (kind == "tensor" and not _takes(value, saved)):
        return saved
    if kind == "tensor":
        with torch.no_grad():
            value.copy_(saved)
    elif kind == "generator":
        value.set_state(saved)
    elif kind == "stateful":
        value.load_state_dict(saved)
    else:
        return _with_items(value, saved)
    return value


def _takes(value: Any, saved: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == saved.shape and value.dtype == saved.dtype


def _with_items(container: Any, states: dict[Any, State]) -> Any:
    items = list(container) if isinstance(container, tuple) else container
    for key, state in states.items():
        # A list that grows during training was shorter after the set-up.
        if isinstance(items, list) and key == len(items):
            items.append(_restored(None, state))
        else:
            current = items.get(key) if isinstance(items, dict) else items[key]
            items[key] = _restored(current, state)
    return tuple(items) if isinstance(container, tuple) else items
