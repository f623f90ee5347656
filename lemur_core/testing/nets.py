"""The rules of nets."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from lemur_core.errors import ContractError
from lemur_core.kinds.net import NetModule, as_net
from lemur_core.kinds.task import Task
from lemur_core.space import Interval, Range, Space, of_net
from lemur_core.testing.comparing import same
from lemur_core.testing.repeats import without_repeats
from lemur_core.testing.tasks import RegisteredTasks
from lemur_core.values import covering, preset, smallest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core.entry import Entry

CPU, META = torch.device("cpu"), torch.device("meta")
# A net of more parameters is tried without values where only its hyperparameters differ.
_LIGHT = 2_000_000
# Pixels on a side, of what a net is tried on that does not ask for more.
_SIZE = 32
# Known of every net: the runner reads them.
_RUNNERS = {"batch", "transform"}
_READ: dict[Entry, Entry] = {}


class NetRules(RegisteredTasks):
    """A net maps batches to its task's shape, learns, and comes back from its state.

    Attributes:
        channels: The numbers of channels that each net is tried with.
        not_compiled: Nets that cannot be compiled whole, and why.
        not_exported: Nets that cannot be exported, and why.
    """

    channels: tuple[int, ...] = (1, 3)
    not_compiled: Mapping[str, str] = {}
    not_exported: Mapping[str, str] = {}

    def batch(self, net: Entry, channels: int, count: int) -> tuple[Tensor, Any, tuple[int, ...]]:
        """Return inputs, targets and ``out_shape`` to try a net on.

        They are those of the first of the net's tasks that is registered and has any. Override it
        for a net of other tasks.
        """
        size, dtype = net.min_size or _SIZE, getattr(torch, net.dtype)
        for task in self.tasks_of(net).values():
            with suppress(NotImplementedError):
                return task.batch(count, channels, size, dtype)
        pytest.fail(
            f"net {net.name!r} serves {', '.join(net.tasks) or 'any task'}; "
            "override batch() to say what its batches are"
        )

    def test_net_says_its_hyperparameters(self, net: Entry) -> None:
        """They can be read as ranges."""
        assert _space(net)

    def test_net_gives_its_tasks_shape(self, net: Entry) -> None:
        """Scored alone or many at once, each target gets an output, as its task says."""
        for channels in self.channels:
            built = self._built(net, channels).eval()
            for count in (1, 2):
                self._check_shape(net, built, *self.batch(net, channels, count))

    def test_net_gives_every_parameter_a_finite_gradient(self, net: Entry) -> None:
        """A parameter without one is never learned.

        A detector gives its losses for images and targets in training, as torchvision's do.
        """
        built = self._built(net, self.channels[-1]).train()
        inputs, targets, _ = self.batch(net, self.channels[-1], 2)
        _check_gradients(net, built, inputs, targets)

    def test_net_learns(self, net: Entry) -> None:
        """An epoch changes its parameters and gives None, a mean loss, or (score, loss)."""
        built, prm = self._set_up(net)
        before = [parameter.detach().clone() for parameter in built.parameters()]
        _check_learns(net, built, self._epoch(net))
        same = [torch.equal(old, new) for old, new in zip(before, built.parameters(), strict=True)]
        assert not all(same), f"net {net.name!r}: learn() changes no parameter, given {prm}"

    def test_net_comes_back_from_its_state(self, net: Entry) -> None:
        """Another one, given the state of the first, gives the same outputs."""
        built, prm = self._set_up(net)
        built.learn([self.batch(net, self.channels[-1], 2)[:2]])
        file = io.BytesIO()
        torch.save(built.state_dict(), file)
        file.seek(0)
        again = self._built(net, self.channels[-1], seed=1, prm=prm)
        again.load_state_dict(torch.load(file, weights_only=True))
        inputs, targets, _ = self.batch(net, self.channels[-1], 2)
        assert same(_told(built, inputs, targets), _told(again, inputs, targets)), (
            f"net {net.name!r}: its state does not bring it back; "
            "hold what it learns in parameters or buffers"
        )

    def test_net_is_built_the_same_from_the_same_seed(self, net: Entry) -> None:
        """What is drawn for its weights comes from torch's global generator."""
        one, two = (self._built(net, self.channels[-1]).state_dict() for _ in range(2))
        for name, value in one.items():
            assert torch.equal(value, two[name]), (
                f"net {net.name!r}: {name} differs after the same torch.manual_seed"
            )

    def test_net_is_scored_the_same_twice(self, net: Entry) -> None:
        """In evaluation nothing is drawn at random."""
        inputs, targets, _ = self.batch(net, self.channels[-1], 2)
        least = _prm(net)
        # The least dropout is none; a detector whose thresholds are halfway may find nothing.
        for prm in (least | _middles(_space(net)), *[least] * isinstance(targets, list)):
            built = self._built(net, self.channels[-1], prm=prm).eval()
            assert same(built(inputs), built(inputs)), (
                f"net {net.name!r}: in eval() it gives different outputs for the same inputs"
            )

    def test_net_reads_what_it_declares(self, net: Entry) -> None:
        """It reads the hyperparameters that it says it has, and needs no others."""
        prm = _Watched(_prm(net))
        try:
            built = self._built(net, self.channels[-1], prm=prm)
            built.train_setup(prm)
            built.learn(self._epoch(net))
        except _UndeclaredError as error:
            pytest.fail(
                f"net {net.name!r}: reads the hyperparameter {error} and does not declare it "
                "in supported_hyperparameters()"
            )
        unread = sorted(set(prm) - prm.read - _RUNNERS)
        assert not unread, (
            f"net {net.name!r}: declares {', '.join(unread)} and never reads it, "
            "so that a search over it is in vain"
        )

    def test_net_takes_the_values_that_it_declares(self, net: Entry) -> None:
        """It is built and trained with the greatest values, with drawn integers, with each choice.

        Nets of many parameters are tried on the device ``meta``, without values, where they can be.
        """
        least, space = _Watched(_prm(net)), _space(net)
        plain = self._drafted(net, least)
        structure = sorted(least.read - _RUNNERS)
        # Of real numbers the greatest is tried, of the others each combination that comes.
        discrete = [name for name in structure if not _is_real(space[name])]
        tried = {_values(least, discrete)}
        for place, values in enumerate(covering(space)):
            prm = _Watched(dict(least) | values)
            try:
                if _values(prm, discrete) not in tried or (
                    not place and _values(prm, structure) != _values(least, structure)
                ):
                    tried.add(_values(prm, discrete))
                    self._check_takes(net, prm)
                else:
                    plain.train_setup(prm)
            # Whatever a net raises is a fault of it.
            except Exception as error:
                given = {name: dict(prm)[name] for name in sorted(prm.read - _RUNNERS)}
                pytest.fail(
                    f"net {net.name!r}: declares {_spelt(given, least)} and fails with it: "
                    f"{type(error).__name__}: {error}"
                )

    def test_net_is_compiled_whole(self, net: Entry) -> None:
        """``torch.compile`` takes it without a break, and it gives what it gave."""
        if net.name in self.not_compiled:
            pytest.skip(self.not_compiled[net.name])
        built, inputs = self._to_capture(net)
        # Capturing is what a net can fail at; making code of it is the compiler's affair.
        compiled: Any = torch.compile(built, backend="eager", fullgraph=True)
        with torch.inference_mode():
            assert same(compiled(inputs), built(inputs)), (
                f"net {net.name!r}: compiled, it gives something else"
            )
        torch.compiler.reset()

    def test_net_is_exported(self, net: Entry) -> None:
        """``torch.export`` takes it, and the program gives what it gives."""
        if net.name in self.not_exported:
            pytest.skip(self.not_exported[net.name])
        built, inputs = self._to_capture(net)
        program: Any = torch.export.export(built, (inputs,)).module()
        with torch.inference_mode():
            torch.testing.assert_close(program(inputs), built(inputs))

    def _to_capture(self, net: Entry) -> tuple[Any, Tensor]:
        inputs, _, _ = self.batch(net, self.channels[-1], 2)
        return without_repeats(lambda: self._built(net, self.channels[-1]), inputs), inputs

    def _built(
        self, net: Entry, channels: int, seed: int = 0, prm: Mapping[str, Any] | None = None
    ) -> Any:
        torch.manual_seed(seed)
        inputs, _, out_shape = self.batch(net, channels, 1)
        prm = _prm(net) if prm is None else prm
        built: nn.Module = _module(net).net((1, *inputs.shape[1:]), out_shape, prm, CPU)
        return built

    def _drafted(self, net: Entry, prm: Mapping[str, Any]) -> Any:
        """Return a net on the device ``meta``, or on the CPU where it cannot be built there."""
        inputs, _, out_shape = self.batch(net, self.channels[-1], 1)
        try:
            with META:
                return _module(net).net((1, *inputs.shape[1:]), out_shape, prm, META)
        # Some nets look at values as they are built.
        except Exception:
            return self._built(net, self.channels[-1], prm=prm)

    def _check_takes(self, net: Entry, prm: Mapping[str, Any]) -> None:
        draft = self._drafted(net, prm)
        if sum(parameter.numel() for parameter in draft.parameters()) > _LIGHT:
            # What fails without values is tried with them.
            with suppress(Exception):
                self._check_built(net, draft, prm)
                return
        self._check_built(net, self._built(net, self.channels[-1], prm=prm), prm)

    def _check_built(self, net: Entry, built: Any, prm: Mapping[str, Any]) -> None:
        device = next((one.device for one in built.parameters()), CPU)
        inputs, targets, out_shape = self.batch(net, self.channels[-1], 2)
        if device == META:
            inputs, targets = inputs.to(META), _without_values(targets)
        with torch.inference_mode():
            self._check_shape(net, built.eval(), inputs, targets, out_shape)
        _check_gradients(net, built.train(), inputs, targets)
        built.train_setup(prm)
        if device != META:
            _check_learns(net, built, [(inputs, targets)])

    def _check_shape(
        self, net: Entry, built: Any, inputs: Tensor, targets: Any, out_shape: tuple[int, ...]
    ) -> None:
        task = next(iter(self.tasks_of(net).values()), Task())
        try:
            task.check_outputs(built(inputs), inputs, targets, out_shape)
        except ContractError as error:
            raise AssertionError(f"net {net.name!r}: {error}") from None

    def _set_up(self, net: Entry) -> tuple[Any, Mapping[str, Any]]:
        prm = _prm(net)
        built = self._built(net, self.channels[-1], prm=prm).train()
        built.train_setup(prm)
        return built, prm

    def _epoch(self, net: Entry) -> list[tuple[Tensor, Any]]:
        return [self.batch(net, self.channels[-1], count)[:2] for count in (3, 2)]


class _UndeclaredError(KeyError):
    """A hyperparameter was read that the net does not declare."""


class _Watched(dict[str, Any]):
    """Hyperparameters that remember which of them were read."""

    def __init__(self, prm: Mapping[str, Any]) -> None:
        super().__init__(prm)
        self.read: set[str] = set()

    def __missing__(self, name: str) -> Any:
        raise _UndeclaredError(name)

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def keys(self) -> Any:
        # What takes them all, as **prm does, reads them all.
        self.read.update(super().keys())
        return super().keys()

    def items(self) -> Any:
        self.read.update(super().keys())
        return super().items()

    def __iter__(self) -> Iterator[str]:
        # dict(prm) asks keys() of those only that have an iterator of their own.
        return super().__iter__()


def _check_gradients(net: Entry, built: Any, inputs: Tensor, targets: Any) -> None:
    _to_lower(net, built, inputs, targets).backward()
    used = "its losses" if isinstance(targets, list) else "forward()"
    for name, parameter in built.named_parameters():
        gradient = parameter.grad
        assert not parameter.requires_grad or gradient is not None, (
            f"net {net.name!r}: parameter {name} has no gradient; use it in {used}, or leave it out"
        )
        assert gradient is None or gradient.is_meta or gradient.isfinite().all(), (
            f"net {net.name!r}: the gradient of {name} is not finite"
        )


def _check_learns(net: Entry, built: Any, epoch: list[tuple[Tensor, Any]]) -> None:
    told = built.learn(epoch)
    loss = told[1] if isinstance(told, tuple) and len(told) == 2 else told
    assert loss is None or math.isfinite(float(loss)), (
        f"net {net.name!r}: learn() gives {told!r}; "
        "expected None, a finite mean loss, or (training score, mean loss)"
    )


def _without_values(targets: Any) -> Any:
    if isinstance(targets, list):
        return [{name: one.to(META) for name, one in target.items()} for target in targets]
    return targets.to(META)


def _values(prm: dict[str, Any], names: list[str]) -> tuple[Any, ...]:
    # By dict's own way, as `_Watched` remembers what is read.
    return tuple(dict.__getitem__(prm, name) for name in names)


def _is_real(one: Range) -> bool:
    return isinstance(one, Interval) and not one.integer


def _spelt(given: Mapping[str, Any], least: Mapping[str, Any]) -> str:
    other = {name: value for name, value in given.items() if value != dict(least).get(name)}
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in (other or given).items()
    )


def _to_lower(net: Entry, built: Any, inputs: Tensor, targets: Any) -> Tensor:
    """Return a number that each parameter that is learned has a part in."""
    if isinstance(targets, list):
        losses = built(inputs, targets)
        assert isinstance(losses, dict), (
            f"net {net.name!r}: in training it gives {type(losses).__name__} for images and "
            "targets; expected a dictionary of losses"
        )
        return torch.stack([*losses.values()]).sum()
    outputs = built(inputs)
    # In training some nets give auxiliary outputs too.
    every = outputs if isinstance(outputs, tuple | list) else (outputs,)
    return torch.stack([one.abs().square().mean() for one in every]).sum()


def _told(built: Any, inputs: Tensor, targets: Any) -> Any:
    """Return what it gives, and its losses if it detects: what learned little finds little."""
    outputs = built.eval()(inputs)
    if not isinstance(targets, list):
        return outputs
    torch.manual_seed(0)
    return outputs, built.train()(inputs, targets)


def _module(net: Entry) -> NetModule:
    """Return a net's module as it is trained: run from its recorded code, which is read once."""
    if net not in _READ:
        _READ[net] = net.as_read(is_net=True)
    return as_net(_READ[net].load(), net.name)


def _space(net: Entry) -> Space:
    return preset(of_net(_module(net).hyperparameters()), net.prm)


def _prm(net: Entry) -> dict[str, Any]:
    # The runner chooses the transform, by a name that nets may read.
    return smallest(_space(net)) | {"transform": f"norm_{net.min_size or _SIZE}"}


def _middles(space: Space) -> dict[str, float]:
    return {
        name: (one.low + one.high) / 2
        for name, one in space.items()
        if isinstance(one, Interval) and not one.integer
    }
