"""Contract tests of twins, for plugins that register them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lemur_core import installed
from lemur_twins.frameworks import MissingFrameworkError
from lemur_twins.parity import measure
from lemur_twins.processes import call
from lemur_twins.twin import SHARED, Twin
from lemur_twins.weights import WeightMapError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lemur_core import Entry
    from lemur_twins.parity import Parity


class TwinRules:
    """Rules of twins: nets of the same architecture compute the same.

    A net whose framework is not installed is skipped, with the reason.

    Attributes:
        twin_frameworks: The frameworks in which twins are tested; all but PyTorch, with which each
            is compared, if it is empty.
    """

    entries: Mapping[str, Sequence[Entry]]
    twin_frameworks: Sequence[str] = ()

    def net_of(self, name: str) -> Entry:
        """Return a net of a twin, from the tested plugin or another one that is installed."""
        own = (net for net in self.entries["net"] if net.name == name)
        return next(own, None) or installed().get("net", name)

    def test_twin_is_a_twin(self, twin: Entry) -> None:
        """The target is a `Twin`, and its nets are known."""
        target = twin.load()
        assert isinstance(target, Twin), f"twin {twin.name!r}: is {target!r}, expected a Twin"
        for name in target.nets.values():
            self.net_of(name)

    def test_twin_computes_the_same(self, twin: Entry) -> None:
        """With the same weights, outputs, gradients and a step of SGD and Adam are the same.

        Each of PyTorch's conventions is matched. Twins with the definition ``library`` are not
        compared.
        """
        if twin.load().definition != SHARED:
            return
        missing = []
        for framework in self._compared(twin.load()):
            try:
                self._check(twin, framework, self._parity(twin, framework))
            except MissingFrameworkError as error:
                missing.append(str(error))
        if missing:
            pytest.skip("; ".join(missing))

    def _compared(self, target: Twin) -> Iterator[str]:
        chosen = self.twin_frameworks or target.others
        return (framework for framework in target.others if framework in chosen)

    def _parity(self, twin: Entry, framework: str) -> Parity:
        target: Twin = twin.load()
        nets = tuple(self.net_of(target.nets[name]) for name in ("pytorch", framework))
        try:
            return call(framework, measure, nets, framework, target)
        except WeightMapError as error:
            pytest.fail(f"twin {twin.name!r} in {framework}: {error}")

    def _check(self, twin: Entry, framework: str, parity: Parity) -> None:
        where, tolerance = f"twin {twin.name!r} in {framework}", twin.load().tolerance
        reference, other = parity.parameters
        assert reference == other, f"{where}: has {other:,} parameters, in PyTorch {reference:,}"
        limits = {
            "outputs": tolerance,
            "gradients": tolerance,
            "sgd_step": tolerance / 10,
            "adam_step": tolerance,
            "buffers": tolerance,
        }
        for name, limit in limits.items():
            value = getattr(parity, name)
            assert value <= limit, (
                f"{where}: {name} differ by {value:.1e} from PyTorch's; expected at most "
                f"{limit:.0e}. Gradients differ most in {parity.worst!r}"
            )
