"""Call the plugins' hook ``lemur_epoch_trained`` in the process that trains."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lemur_core.errors import FactError
from lemur_core.fact import check_own_facts
from lemur_core.guarded_hooks import guarded_hooks

if TYPE_CHECKING:
    from lemur_core.registry import Registry
    from lemur_core.trial import Epoch, Trial

_HOOK = "lemur_epoch_trained"


class EpochHooks:
    """Calls the implementations of the hook and collects the facts that they return.

    Args:
        registry: The installed plugins.
    """

    def __init__(self, registry: Registry) -> None:
        self._call = getattr(guarded_hooks(registry, [_HOOK], _warn).hook, _HOOK)
        self._warned: set[str] = set()

    def __call__(self, trial: Trial, epoch: Epoch, net: Any) -> Epoch:
        """Return the epoch with the facts that plugins return for it.

        Invalid facts are left out with a warning.
        """
        if not self._call.get_hookimpls():
            return epoch
        with TemporaryDirectory(prefix="lemur-epoch-") as folder:
            returned = self._call(trial=trial, epoch=epoch, net=net, folder=Path(folder))
        return replace(epoch, facts=self._facts(epoch.facts, returned))

    def _facts(self, known: Mapping[str, Any], returned: Iterable[Any]) -> dict[str, Any]:
        facts = dict(known)
        for result in returned:
            if not isinstance(result, Mapping):
                self._warn_once(f"{_HOOK} gives {type(result).__name__}; expected facts by name")
                continue
            for name, value in result.items():
                if name in facts:
                    self._warn_once(f"{_HOOK}: fact {name!r} is given twice; one is kept")
                    continue
                try:
                    facts |= check_own_facts({name: value})
                except FactError as error:
                    self._warn_once(f"{_HOOK}: {error}; it is left out")
        return facts

    def _warn_once(self, line: str) -> None:
        if line not in self._warned:
            self._warned.add(line)
            _warn(line)


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=2)
