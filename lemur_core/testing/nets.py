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
from lemur_core.space import Interval, Range, Space, net_space
from lemur_core.testing.comparing import same
from lemur_core.testing.foreign_nets import (
    check_goes_on,
    checked,
    parameters_of,
    skip_unless_torch,
    weights_of,
)
from lemur_core.testing.repeats import without_repeats
from lemur_core.testing.tasks import RegisteredTasks
from lemur_core.testing.validation_loss import check_validation_loss
from lemur_core.train.draws import seed_generators
from lemur_core.train.net_adapter import adapter_of
from lemur_core.train.torch_options import is_foreign
from lemur_core.values import covering, preset, smallest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lemur_core.entry import Entry

CPU, META = torch.device("cpu"), torch.device("meta")
# Nets with more parameters are tested without values when only their hyperparameters vary.
_LIGHT = 2_000_000
# The height and width, in pixels, of test images for nets without a minimum size.
_SIZE = 32
# Hyperparameters that every net has, because the runner reads them.
_RUNNERS = {"batch", "transform"}
# The entries of nets, read from their recorded code.
_READ: dict[Entry, Entry] = {}


class NetRules(RegisteredTasks):
    """A net maps batches to its task's shape, learns, and can be restored from its state.

    Attributes:
        channels: The numbers of channels with which each net is tested.
        not_compiled: The reason, by name, for each net that cannot be compiled as a whole.
        not_exported: The reason, by name, for each net that cannot be exported.
    """

    channels: tuple[int, ...] = (1, 3)
    not_compiled: Mapping[str, str] = {}
    not_exported: Mapping[str, str] = {}

    def batch(self, net: Entry, channels: int, count: int) -> tuple[Tensor, Any, tuple[int, ...]]:
        """Return inputs, targets and ``out_shape`` with which to test a net.

        They come from the first registered task of the net that defines them. Override this method
        for nets of other tasks.
        """
        size, dtype = net.min_size or _SIZE, getattr(torch, net.dtype)
        for task in self.tasks_of(net).values():
            with suppress(NotImplementedError):
                return task.batch(count, channels, size, dtype)
        pytest.fail(
            f"net {net.name!r} serves {', '.join(net.tasks) or 'any task'}; "
            "override batch() to define its batches"
        )

    def test_net_says_its_hyperparameters(self, net: Entry) -> None:
        """Its hyperparameters can be read as ranges."""
        assert _space(net)

    def test_net_gives_its_tasks_shape(self, net: Entry) -> None:
        """There is an output of the task's shape for each target, whatever the batch size."""
        for channels in self.channels:
            built = self._build(net, channels)
            built.eval()
            for count in (1, 2):
                self._check_shape(net, built, *self.batch(net, channels, count))

    def test_net_gives_every_parameter_a_finite_gradient(self, net: Entry) -> None:
        """A parameter without a gradient would never be learned.

        In training mode, a detector returns its losses for images and targets, as in torchvision.
        """
        built = self._build(net, self.channels[-1])
        skip_unless_torch(net, built)
        inputs, targets, _ = self.batch(net, self.channels[-1], 2)
        _check_gradients(net, built.train(), inputs, targets)

    def test_net_learns(self, net: Entry) -> None:
        """learn() changes the parameters, and returns None, a mean loss, or (score, loss)."""
        built, prm = self._set_up(net)
        before = parameters_of(built)
        _check_learns(net, built, self._epoch(net))
        assert not same(before, parameters_of(built)), (
            f"net {net.name!r}: learn() changes no parameter, given {prm}"
        )

    def test_net_comes_back_from_its_state(self, net: Entry) -> None:
        """Another instance that loads the net's state gives the same outputs.

        One of another framework than torch also learns the same from there on.
        """
        built, prm = self._set_up(net)
        built.learn([self.batch(net, self.channels[-1], 2)[:2]])
        if not isinstance(built, nn.Module):
            check_goes_on(net, built, self._set_up(net, seed=1)[0], self._epoch(net))
            return
        file = io.BytesIO()
        torch.save(built.state_dict(), file)
        file.seek(0)
        loaded = self._build(net, self.channels[-1], seed=1, prm=prm)
        loaded.load_state_dict(torch.load(file, weights_only=True))
        inputs, targets, _ = self.batch(net, self.channels[-1], 2)
        assert same(_results(built, inputs, targets), _results(loaded, inputs, targets)), (
            f"net {net.name!r}: gives other outputs after load_state_dict(); "
            "keep everything that it learns in parameters or buffers"
        )

    def test_net_is_built_the_same_from_the_same_seed(self, net: Entry) -> None:
        """Its initial weights are drawn from torch's global generator, or another global one."""
        first, second = (weights_of(self._build(net, self.channels[-1])) for _ in range(2))
        for name, value in first.items():
            assert torch.equal(value, second[name]), (
                f"net {net.name!r}: {name} differs after the same torch.manual_seed"
            )

    def test_net_is_scored_the_same_twice(self, net: Entry) -> None:
        """In evaluation mode, its outputs are deterministic, and its loss draws nothing."""
        inputs, targets, _ = self.batch(net, self.channels[-1], 2)
        least = _prm(net)
        # With the least values there may be no dropout. With middle values a detector may find
        # nothing, because of its thresholds; it is therefore also tested with the least values.
        for prm in (least | _middles(_space(net)), *[least] * isinstance(targets, list)):
            built = self._build(net, self.channels[-1], prm=prm)
            built.eval()
            assert same(built(inputs), built(inputs)), (
                f"net {net.name!r}: in eval() it gives different outputs for the same inputs"
            )
        check_validation_loss(net.name, built, inputs, targets)

    def test_net_reads_what_it_declares(self, net: Entry) -> None:
        """It reads all hyperparameters that it declares, and no others."""
        prm = _Watched(_prm(net))
        try:
            built = self._build(net, self.channels[-1], prm=prm)
            built.train_setup(prm)
            built.learn(self._epoch(net))
        except _UndeclaredError as error:
            pytest.fail(
                f"net {net.name!r}: reads the hyperparameter {error} and does not declare it "
                "in supported_hyperparameters()"
            )
        unread = sorted(set(prm) - prm.read - _RUNNERS)
        assert not unread, (
            f"net {net.name!r}: declares {', '.join(unread)} but never reads it; "
            "searching it would have no effect"
        )

    def test_net_takes_the_values_that_it_declares(self, net: Entry) -> None:
        """It is built and trained with the greatest values, some integers, and every choice.

        Nets with many parameters are tested on the device ``meta``, without values, if possible.
        """
        least, space = _Watched(_prm(net)), _space(net)
        plain = self._build_draft(net, least)
        structure = sorted(least.read - _RUNNERS)
        # Real numbers are tested with their greatest value, others with all covering combinations.
        discrete = [name for name in structure if not _is_real(space[name])]
        tested = {_values(least, discrete)}
        for number, values in enumerate(covering(space)):
            prm = _Watched(dict(least) | values)
            try:
                if _values(prm, discrete) not in tested or (
                    not number and _values(prm, structure) != _values(least, structure)
                ):
                    tested.add(_values(prm, discrete))
                    self._check_takes(net, prm)
                else:
                    plain.train_setup(prm)
            # Any error is a fault of the net.
            except Exception as error:
                read = {name: dict(prm)[name] for name in sorted(prm.read - _RUNNERS)}
                pytest.fail(
                    f"net {net.name!r}: declares {_listed(read, least)} and fails with it: "
                    f"{type(error).__name__}: {error}"
                )

    def test_net_is_compiled_whole(self, net: Entry) -> None:
        """``torch.compile`` captures it without a graph break, with the same outputs."""
        if net.name in self.not_compiled:
            pytest.skip(self.not_compiled[net.name])
        self._skip_unless_torch(net)
        built, inputs = self._to_capture(net)
        # Capturing depends on the net; generating code depends on the compiler alone.
        compiled: Any = torch.compile(built, backend="eager", fullgraph=True)
        with torch.inference_mode():
            assert same(compiled(inputs), built(inputs)), (
                f"net {net.name!r}: gives other outputs when compiled"
            )
        torch.compiler.reset()

    def test_net_is_exported(self, net: Entry) -> None:
        """``torch.export`` exports it, and the program gives the same outputs."""
        if net.name in self.not_exported:
            pytest.skip(self.not_exported[net.name])
        self._skip_unless_torch(net)
        built, inputs = self._to_capture(net)
        program: Any = torch.export.export(built, (inputs,)).module()
        with torch.inference_mode():
            torch.testing.assert_close(program(inputs), built(inputs))

    def _skip_unless_torch(self, net: Entry) -> None:
        if is_foreign(_module(net).net):
            skip_unless_torch(net, self._build(net, self.channels[-1]))

    def _to_capture(self, net: Entry) -> tuple[Any, Tensor]:
        inputs, _, _ = self.batch(net, self.channels[-1], 2)
        return without_repeats(lambda: self._build(net, self.channels[-1]), inputs), inputs

    def _build(
        self, net: Entry, channels: int, seed: int = 0, prm: Mapping[str, Any] | None = None
    ) -> Any:
        torch.manual_seed(seed)
        inputs, _, out_shape = self.batch(net, channels, 1)
        prm = _prm(net) if prm is None else prm
        module = _module(net).net
        if is_foreign(module):
            # It may draw from any global generator.
            seed_generators(seed)
        return checked(net, module((1, *inputs.shape[1:]), out_shape, prm, CPU))

    def _build_draft(self, net: Entry, prm: Mapping[str, Any]) -> Any:
        """Return a net on the device ``meta``, or on the CPU if it cannot be built there."""
        if is_foreign(_module(net).net):
            return self._build(net, self.channels[-1], prm=prm)
        inputs, _, out_shape = self.batch(net, self.channels[-1], 1)
        try:
            with META:
                return _module(net).net((1, *inputs.shape[1:]), out_shape, prm, META)
        # Some nets read values while they are built.
        except Exception:
            return self._build(net, self.channels[-1], prm=prm)

    def _check_takes(self, net: Entry, prm: Mapping[str, Any]) -> None:
        draft = self._build_draft(net, prm)
        if adapter_of(draft, net.name).parameter_count() > _LIGHT:
            # If this fails without values, the net is tested with values below.
            with suppress(Exception):
                self._check_built(net, draft, prm)
                return
        self._check_built(net, self._build(net, self.channels[-1], prm=prm), prm)

    def _check_built(self, net: Entry, built: Any, prm: Mapping[str, Any]) -> None:
        is_torch = isinstance(built, nn.Module)
        parameters = built.parameters() if is_torch else ()
        device = next((parameter.device for parameter in parameters), CPU)
        inputs, targets, out_shape = self.batch(net, self.channels[-1], 2)
        if device == META:
            inputs, targets = inputs.to(META), _without_values(targets)
        built.eval()
        with torch.inference_mode():
            self._check_shape(net, built, inputs, targets, out_shape)
        built.train()
        if is_torch:
            _check_gradients(net, built, inputs, targets)
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

    def _set_up(self, net: Entry, seed: int = 0) -> tuple[Any, Mapping[str, Any]]:
        prm = _prm(net)
        built = self._build(net, self.channels[-1], seed, prm)
        built.train()
        built.train_setup(prm)
        return built, prm

    def _epoch(self, net: Entry) -> list[tuple[Tensor, Any]]:
        return [self.batch(net, self.channels[-1], count)[:2] for count in (3, 2)]


class _UndeclaredError(KeyError):
    """A net read a hyperparameter that it does not declare."""


class _Watched(dict[str, Any]):
    """Hyperparameters that record which of them were read."""

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
        # Unpacking them all, for example with **prm, reads them all.
        self.read.update(super().keys())
        return super().keys()

    def items(self) -> Any:
        self.read.update(super().keys())
        return super().items()

    def __iter__(self) -> Iterator[str]:
        # dict(prm) only calls keys() of subclasses that define __iter__.
        return super().__iter__()


def _check_gradients(net: Entry, built: Any, inputs: Tensor, targets: Any) -> None:
    _to_lower(net, built, inputs, targets).backward()
    used = "its losses" if isinstance(targets, list) else "forward()"
    for name, parameter in built.named_parameters():
        gradient = parameter.grad
        assert not parameter.requires_grad or gradient is not None, (
            f"net {net.name!r}: parameter {name} has no gradient; use it in {used}, or remove it"
        )
        assert gradient is None or gradient.is_meta or gradient.isfinite().all(), (
            f"net {net.name!r}: the gradient of {name} is not finite"
        )


def _check_learns(net: Entry, built: Any, epoch: list[tuple[Tensor, Any]]) -> None:
    result = built.learn(epoch)
    loss = result[1] if isinstance(result, tuple) and len(result) == 2 else result
    assert loss is None or math.isfinite(float(loss)), (
        f"net {net.name!r}: learn() gives {result!r}; "
        "expected None, a finite mean loss, or (training score, mean loss)"
    )


def _without_values(targets: Any) -> Any:
    if isinstance(targets, list):
        return [{name: value.to(META) for name, value in target.items()} for target in targets]
    return targets.to(META)


def _values(prm: dict[str, Any], names: list[str]) -> tuple[Any, ...]:
    # The method of dict, because that of `_Watched` records a read.
    return tuple(dict.__getitem__(prm, name) for name in names)


def _is_real(values: Range) -> bool:
    return isinstance(values, Interval) and not values.integer


def _listed(prm: Mapping[str, Any], least: Mapping[str, Any]) -> str:
    changed = {name: value for name, value in prm.items() if value != dict(least).get(name)}
    return " ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in (changed or prm).items()
    )


def _to_lower(net: Entry, built: Any, inputs: Tensor, targets: Any) -> Tensor:
    """Return a scalar to minimise that depends on every learned parameter."""
    if isinstance(targets, list):
        losses = built(inputs, targets)
        assert isinstance(losses, dict), (
            f"net {net.name!r}: in training it gives {type(losses).__name__} for images and "
            "targets; expected a dictionary of losses"
        )
        return torch.stack([*losses.values()]).sum()
    outputs = built(inputs)
    # In training mode, some nets also return auxiliary outputs.
    tensors = outputs if isinstance(outputs, tuple | list) else (outputs,)
    return torch.stack([tensor.abs().square().mean() for tensor in tensors]).sum()


def _results(built: Any, inputs: Tensor, targets: Any) -> Any:
    """Return the outputs of a net, and also the losses of a detector.

    A detector that has learned little may detect nothing, so its outputs alone say little.
    """
    outputs = built.eval()(inputs)
    if not isinstance(targets, list):
        return outputs
    torch.manual_seed(0)
    return outputs, built.train()(inputs, targets)


def _module(net: Entry) -> NetModule:
    """Return the module of a net as it is trained, from its recorded code, which is read once."""
    if net not in _READ:
        _READ[net] = net.with_snapshot(is_net=True)
    return as_net(_READ[net].load(), net.name)


def _space(net: Entry) -> Space:
    return preset(net_space(_module(net).hyperparameters()), net.prm)


def _prm(net: Entry) -> dict[str, Any]:
    # The runner chooses the transform, whose name nets may read.
    return smallest(_space(net)) | {"transform": f"norm_{net.min_size or _SIZE}"}


def _middles(space: Space) -> dict[str, float]:
    return {
        name: (values.low + values.high) / 2
        for name, values in space.items()
        if isinstance(values, Interval) and not values.integer
    }
