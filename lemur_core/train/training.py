"""Train one trial, an epoch at a time."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lemur_core.errors import (
    CodeChangedError,
    ContractError,
    MisfitError,
    NotFiniteError,
    error_text,
)
from lemur_core.frozen_layers import patterns_in
from lemur_core.kinds.loader import DataBundle, InMemory, Samples
from lemur_core.kinds.net import TrainData, as_net
from lemur_core.kinds.task import task_of
from lemur_core.kinds.transform import as_transform
from lemur_core.labels import with_labels_checked
from lemur_core.train import checkpoint, saved_weights
from lemur_core.train.batches import Batches, batches, mixed
from lemur_core.train.class_weights import weigh_classes
from lemur_core.train.draws import derived_seed
from lemur_core.train.finite import check_number
from lemur_core.train.initial_weights import load_initial_weights
from lemur_core.train.modes import preserve_modes
from lemur_core.train.net_adapter import adapter_of, check_weights, finite_buffers
from lemur_core.train.net_description import NetDescription, describe, metadata_of
from lemur_core.train.part_scorer import PartScorer
from lemur_core.train.scoring import (
    build_metrics,
    epoch_of,
    error_facts,
    errors_of,
    score,
    score_batch,
    scored_at_once,
)
from lemur_core.train.validation_loss import ValidationLoss
from lemur_core.trial import CLASS_WEIGHTS, Epoch, Keep, Size, Trial, best_of

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.metric import Metric
    from lemur_core.train.epoch_hooks import EpochHooks
    from lemur_core.train.net_adapter import Frozen


def run_trial(trial: Trial, bundle: DataBundle, hooks: EpochHooks | None = None) -> Iterator[Epoch]:
    """Train a trial and yield each epoch; see `Training`."""
    yield from Training(trial, bundle).epochs(hooks)


class Training:
    """A trial whose net is built and set up.

    Args:
        trial: The trial to train.
        bundle: The trial's data, with a validation split.
        is_trained: Whether the net's weights are those of a trained net, which are loaded later.
            Initial weights are then neither loaded nor frozen, and classes are not weighed, for
            which all masks may have to be read.

    Attributes:
        net: The trial's net.
        device: Device of the net.

    Raises:
        MisfitError: The net cannot process the data.
        LabelError: A label is not a class.
        Exception: The net, the transform or the metric raised an exception.
    """

    def __init__(self, trial: Trial, bundle: DataBundle, *, is_trained: bool = False) -> None:
        self.trial, self.device = trial, torch.device(trial.device)
        task = task_of(trial.pipeline.task_entry)
        # Reading checked samples would decode their images.
        unchecked = bundle
        bundle = with_labels_checked(bundle, task, trial.pipeline.dataset)
        self.bundle = bundle
        seed_everything(trial.seed)
        self._transform = as_transform(
            trial.transform_entry.load(), bundle.scale, trial.prm["transform"]
        )
        self._metrics = build_metrics(trial.pipeline, bundle.out_shape, self.device)
        assert bundle.validation is not None
        splits = (bundle.train, bundle.validation, bundle.test)
        whole = all(isinstance(split, InMemory) for split in splits) and bundle.collate is None
        if whole and not hasattr(self._transform, "pair"):
            # The transform then gets whole batches, on the net's device.
            self._transform.to(self.device)
        self.net, self._size = build_net(trial, bundle, self._transform, self._metrics, self.device)
        self._frozen = None if is_trained else self._with_initial_weights()
        if CLASS_WEIGHTS in trial.prm and not is_trained:
            weigh_classes(self.net, unchecked, trial)
        # Seed again, so that training does not depend on the trial run of the net.
        seed_everything(trial.seed)
        self.net.train_setup(trial.prm)
        configure_execution(self.net, trial.prm)
        self._buffers = finite_buffers(self.net)

    def _with_initial_weights(self) -> Frozen | None:
        """Load the trial's initial weights, and freeze the layers that it names."""
        trial, net, drawn = self.trial, self.net, frozenset[str]()
        if trial.initial is not None:
            [classes] = self.bundle.out_shape if len(self.bundle.out_shape) == 1 else [None]
            drawn = load_initial_weights(net, trial.initial, trial, classes)
        patterns = patterns_in(trial.prm)
        if not patterns:
            return None
        if trial.initial is None:
            raise MisfitError(
                f"freeze {','.join(patterns)!r} keeps layers of initial weights as they are; the "
                "trial has no file of weights"
            )
        inputs, _ = _first(self.bundle, self._transform, self.device)
        return adapter_of(net, trial.pipeline.net).freeze(patterns, inputs, drawn)

    @property
    def transform(self) -> nn.Module:
        """The transform from the dataset's images to the net's inputs."""
        return self._transform

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics by name, the objective first."""
        return self._metrics

    def scored(self, samples: Samples) -> TrainData:
        """Return the batches in which the net is scored on samples, in their order."""
        at_once = scored_at_once(self.trial.prm["batch"], self.trial.transform_entry.size)
        return self._batches(samples, at_once, training=False)

    def epochs(self, hooks: EpochHooks | None = None) -> Iterator[Epoch]:
        """Train, and yield each epoch after it is scored and its weights are saved.

        An epoch iterates over the training split once, then over validation and test once each.

        Args:
            hooks: Called with each epoch and the net; None calls nothing.

        Raises:
            NotFiniteError: A loss, weight, output or score is NaN or infinite.
            LabelError: A label is not a class.
            StateLostError: The checkpoint from which the trial resumes cannot be read.
            Exception: The net, the transform or the metric raised an exception.
        """
        trial, bundle, net = self.trial, self.bundle, self.net
        assert bundle.validation is not None
        validation_data, test_data = self.scored(bundle.validation), self.scored(bundle.test)
        epochs = list(trial.done)
        state = trial.checkpoint if epochs else trial.start
        if state is not None:
            checkpoint.restore(state, net, self.device)
        began = time.perf_counter_ns() - (epochs[-1].duration_ns if epochs else 0)
        batches_of_epoch = self._training_batches()
        mixed_data = mixed(batches_of_epoch, self._transform, bundle.out_shape)
        train_data = self._scored_in_parts(mixed_data, validation_data)
        for number in range(trial.next_epoch, trial.epochs + 1):
            # Random numbers of an epoch depend on its number, not on those drawn before it.
            batches_of_epoch.begin(number)
            seed_everything(derived_seed(trial.seed, number))
            with precision(trial.prm, self.device):
                loss = train_epoch(net, train_data)
                check_weights(net, self._buffers)
                if self._frozen is not None:
                    self._frozen.check()
                validation_loss = ValidationLoss(net)
                validation = score(
                    net, validation_data, self._metrics, "validation", validation_loss
                )
                validated = errors_of(self._metrics)
                accuracy = score(net, test_data, self._metrics, "test")
                tested = errors_of(self._metrics)
            duration_ns = time.perf_counter_ns() - began
            epoch = epoch_of(number, loss, validation, accuracy, duration_ns, self._size)
            within = tuple((number - 1 + share, part) for share, part in train_data.scores)
            epoch = replace(
                epoch,
                within=within,
                validation_loss=validation_loss.mean(),
                facts=error_facts(validated, tested),
            )
            # Before the checkpoint is written, so that a resumed trial has the facts too.
            epochs.append(hooks(trial, epoch, net) if hooks else epoch)
            self._save(epochs)
            yield epochs[-1]

    def _training_batches(self) -> Batches:
        return self._batches(self.bundle.train, self.trial.prm["batch"], training=True)

    def _batches(self, samples: Samples, size: int, *, training: bool) -> Batches:
        return batches(
            samples,
            self._transform,
            size,
            self.device,
            training=training,
            seed=self.trial.seed,
            collate=self.bundle.collate,
            may_fork=adapter_of(self.net).may_fork,
        )

    def _scored_in_parts(self, train_data: TrainData, validation_data: TrainData) -> PartScorer:
        def validation() -> float:
            scores = score(self.net, validation_data, self._metrics, "validation")
            return scores[self.trial.pipeline.metric]

        return PartScorer(train_data, self.trial.parts, validation, self._modes_preserved)

    @contextmanager
    def _modes_preserved(self) -> Iterator[None]:
        with preserve_modes(self._transform), adapter_of(self.net).preserve_mode():
            yield

    @cached_property
    def description(self) -> NetDescription:
        """The description of the net, for its weights' file."""
        return describe(self.trial, self.bundle, self._size)

    def _metadata(self) -> dict[str, str]:
        return metadata_of(self.description)

    def _save(self, epochs: Sequence[Epoch]) -> None:
        trial, latest = self.trial, epochs[-1]
        # Before the checkpoint, so that every epoch with a checkpoint has its weights.
        if trial.weights:
            is_best = best_of(epochs) is latest
            save_weights(
                trial.weights, self.net, latest, trial.keep, is_best=is_best, about=self._metadata
            )
        if trial.checkpoint and (latest.number < trial.epochs or trial.keep_checkpoint):
            save_checkpoint(trial.checkpoint, self.net, epochs)


def configure_execution(net: Any, prm: Mapping[str, Any]) -> None:
    """Use channels-last memory format, and compile the net, if ``prm`` says so."""
    adapter_of(net).configure(prm)


def precision(prm: Mapping[str, Any], device: torch.device) -> torch.autocast:
    """Return the context in which a net computes, in bfloat16 if ``prm`` says so."""
    mixed = prm.get("precision") == "bf16"
    # The cache would hold the weights of the first step for the whole epoch.
    return torch.autocast(device.type, torch.bfloat16, enabled=mixed, cache_enabled=False)


def save_checkpoint(folder: Path, net: Any, epochs: Sequence[Epoch]) -> None:
    """Write a checkpoint, or warn that it cannot be written."""
    try:
        checkpoint.save(folder, net, epochs)
    # The disk may be full, or the net may hold objects that cannot be pickled. This must not stop
    # the training; without a checkpoint, an interrupted trial starts over.
    except Exception as error:
        _warn(f"{folder}: the trial's checkpoint cannot be saved", error)


def save_weights(
    file: Path,
    net: Any,
    epoch: Epoch,
    keep: Keep,
    *,
    is_best: bool,
    about: Callable[[], Mapping[str, str]],
) -> None:
    """Save the weights of a net after an epoch, or warn that they cannot be saved."""
    try:
        saved_weights.save_selected(file, net, epoch, keep, is_best=is_best, about=about)
    # As for checkpoints: training goes on without the weights.
    except Exception as error:
        _warn(f"{file}: the trial's weights cannot be saved", error)


def _warn(what: str, error: Exception) -> None:
    warnings.warn(f"{what}: {error_text(error)}", stacklevel=3)


def build_net(
    trial: Trial,
    bundle: DataBundle,
    transform: nn.Module,
    metrics: Mapping[str, Metric],
    device: torch.device,
) -> tuple[Any, Size]:
    """Return the trial's net and its size, after a trial run on two samples.

    Raises:
        CodeChangedError: The code that trains the net differs from the trial's recipe.
        MisfitError: The net cannot process the samples, or an option does not apply to it.
        NotFiniteError: A metric fails because the net's outputs are NaN or infinite.
        ContractError: The error that a metric computes is negative, or the net is neither a
            `torch.nn.Module` nor a `lemur_core.kinds.foreign_net.ForeignNet`.
    """
    entry = trial.pipeline.net_entry
    if trial.recipe is not None and entry.recipe() != trial.recipe:
        raise CodeChangedError(entry.name, "the code that trains it")
    net_module = as_net(entry.load(), entry.name)
    sample = _first(bundle, transform, device)
    in_shape = (1, *_shape_of(sample[0], trial.pipeline.dataset)[1:])
    # The initial weights depend on the seed alone, not on how the data is loaded.
    seed_everything(trial.seed)
    net: Any = net_module.net(in_shape, bundle.out_shape, dict(trial.prm), device)
    adapter = adapter_of(net, entry.name)
    adapter.check_options(trial.prm, device)
    adapter.place(device)
    net.eval()
    try:
        score_batch(net, metrics, *sample, adapter.check_outputs)
    except (NotFiniteError, ContractError):
        raise
    # Foreign code may raise anything if the shapes are not those it was written for.
    except Exception as error:
        shape = "x".join(map(str, in_shape[1:]))
        # Without the transform's name: trials that only differ in it fail in the same way.
        raise MisfitError(
            f"net {entry.name!r} cannot process dataset {trial.pipeline.dataset!r} "
            f"({shape} to {bundle.out_shape}): "
            f"{type(error).__name__}: {error}".partition("\n")[0]
        ) from error
    # Lazy modules create their parameters in the trial run.
    return net, Size(adapter.parameter_count(), in_shape, tuple(bundle.out_shape))


def train_epoch(net: Any, train_data: TrainData) -> float | None:
    """Train one epoch and return the mean loss; None if the net does not return it.

    Raises:
        NotFiniteError: The loss is NaN or infinite.
    """
    net.train()
    result = net.learn(train_data)
    loss = result[1] if isinstance(result, tuple) else result
    return None if loss is None else check_number("training loss", float(loss))


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch, and make cuDNN deterministic.

    cuDNN's fastest algorithms sum in arbitrary order: two trainings of SqueezeNet on an H200 had
    losses of 1.81 and 1.77 after two epochs. The deterministic algorithms took no longer there.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True


def _first(bundle: DataBundle, transform: nn.Module, device: torch.device) -> tuple[Any, Any]:
    samples, collate = bundle.validation, bundle.collate
    assert samples is not None
    return next(iter(batches(samples, transform, 2, device, training=False, collate=collate)))


def _shape_of(inputs: Any, dataset: str) -> torch.Size:
    """Return the shape of a batch of inputs, or of the first tensor in it.

    Raises:
        MisfitError: The batch holds no tensor.
    """
    waiting = [inputs]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, Tensor):
            return value.shape
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    raise MisfitError(
        f"dataset {dataset!r}: its batches hold {type(inputs).__name__} instead of tensors; "
        "expected inputs that are tensors, or a collate function in the bundle that makes them"
    )
