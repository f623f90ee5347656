"""Train one trial, an epoch at a time."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lemur_core.errors import CodeChangedError, MisfitError, NotFiniteError
from lemur_core.kinds.loader import DataBundle, InMemory, Samples
from lemur_core.kinds.metric import Metric, as_metric
from lemur_core.kinds.net import TrainData, as_net
from lemur_core.kinds.task import task_of
from lemur_core.kinds.transform import as_transform
from lemur_core.labels import with_labels_checked
from lemur_core.train import checkpoint, kept_weights
from lemur_core.train.batches import Batches, batches, mixed
from lemur_core.train.draws import derived_seed
from lemur_core.train.finite import Outputs, check_number, check_weights, finite_buffers
from lemur_core.train.initial_weights import give_weights
from lemur_core.train.part_scorer import PartScorer
from lemur_core.trial import Epoch, Keep, Size, Trial, best_of

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.pipeline import Pipeline
    from lemur_core.train.epoch_hooks import EpochHooks

# Scoring keeps no activations, so that it can take more images at once than training does, until
# what is left of those at full size is much.
_SCORED_AT_ONCE = 256
_SCORED_PIXELS = 2**20
_LARGE = 224


def run_trial(trial: Trial, bundle: DataBundle, hooks: EpochHooks | None = None) -> Iterator[Epoch]:
    """Train a trial and yield each epoch, as `Training` does."""
    yield from Training(trial, bundle).epochs(hooks)


class Training:
    """A trial whose net is built and set up.

    Args:
        trial: What is trained.
        bundle: Its data, the validation split held out.

    Attributes:
        net: The trial's net.
        device: Where it is.

    Raises:
        MisfitError: The net cannot take the data.
        LabelError: A label is no class.
        Exception: Whatever the net, the transform or the metric raises.
    """

    def __init__(self, trial: Trial, bundle: DataBundle) -> None:
        self.trial, self.device = trial, torch.device(trial.device)
        task = task_of(trial.pipeline.task_entry)
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
            # It is given whole batches, where the net is.
            self._transform.to(self.device)
        self.net, self._size = build_net(trial, bundle, self._transform, self._metrics, self.device)
        if trial.initial is not None:
            give_weights(self.net, trial.initial, trial)
        # Once more, so that what is learned does not hang on how the net was tried on.
        seed_everything(trial.seed)
        self.net.train_setup(trial.prm)
        arrange(self.net, trial.prm)
        self._buffers = finite_buffers(self.net)

    @property
    def transform(self) -> nn.Module:
        """What turns the data set's images into the net's inputs."""
        return self._transform

    def scored(self, samples: Samples) -> TrainData:
        """Return the batches of samples in which the net is scored, in their order."""
        side = self.trial.transform_entry.size or _LARGE
        at_once = min(_SCORED_AT_ONCE, _SCORED_PIXELS // side**2)
        return self._batches(samples, max(self.trial.prm["batch"], at_once), training=False)

    def epochs(self, hooks: EpochHooks | None = None) -> Iterator[Epoch]:
        """Train, and yield each epoch once it is scored, and what is kept of it is written.

        The training split is passed once an epoch, then validation and test once each.

        Args:
            hooks: Told each epoch while the net is at hand; None tells nobody.

        Raises:
            NotFiniteError: A loss, weight, output or score is NaN or infinite.
            LabelError: A label is no class.
            StateLostError: The state that the trial shall go on from cannot be read.
            Exception: Whatever the net, the transform or the metric raises.
        """
        trial, bundle, net = self.trial, self.bundle, self.net
        assert bundle.validation is not None
        validation_data, test_data = self.scored(bundle.validation), self.scored(bundle.test)
        epochs = list(trial.done)
        if trial.checkpoint and epochs:
            checkpoint.restore(trial.checkpoint, net, self.device)
        began = time.perf_counter_ns() - (epochs[-1].duration_ns if epochs else 0)
        plain = self._training_batches()
        train_data = self._parted(mixed(plain, self._transform, bundle.out_shape), validation_data)
        for number in range(len(epochs) + 1, trial.epochs + 1):
            # What the epoch draws depends on its number, never on what was drawn before it.
            plain.begin(number)
            seed_everything(derived_seed(trial.seed, number))
            with precision(trial.prm, self.device):
                loss = train_epoch(net, train_data)
                check_weights(net, self._buffers)
                validation = score(net, validation_data, self._metrics, "validation")
                accuracy = score(net, test_data, self._metrics, "test")
            duration_ns = time.perf_counter_ns() - began
            epoch = epoch_of(number, loss, validation, accuracy, duration_ns, self._size)
            within = tuple((number - 1 + share, told) for share, told in train_data.scores)
            epoch = replace(epoch, within=within)
            # Before the state is kept, so that a trial that goes on from it has the facts too.
            epochs.append(hooks(trial, epoch, net) if hooks else epoch)
            self._keep(epochs)
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
        )

    def _parted(self, train_data: TrainData, validation_data: TrainData) -> PartScorer:
        def validation() -> float:
            scores = score(self.net, validation_data, self._metrics, "validation")
            return scores[self.trial.pipeline.metric]

        return PartScorer(train_data, self.trial.parts, validation, (self.net, self._transform))

    def _keep(self, epochs: Sequence[Epoch]) -> None:
        trial, latest = self.trial, epochs[-1]
        # Before the state: of an epoch that is gone on from, the weights are there.
        if trial.weights:
            is_best = best_of(epochs) is latest
            keep_weights(trial.weights, self.net, latest, trial.keep, is_best=is_best)
        if trial.checkpoint and latest.number < trial.epochs:
            keep_state(trial.checkpoint, self.net, epochs)


def arrange(net: Any, prm: Mapping[str, Any]) -> None:
    """Lay out a net's weights channels last, and compile it, where ``prm`` says so."""
    if prm.get("channels_last"):
        net.to(memory_format=torch.channels_last)
    if prm.get("compile"):
        net.compile()


def precision(prm: Mapping[str, Any], device: torch.device) -> torch.autocast:
    """Return the context in which a net computes: bfloat16 where ``prm`` says so."""
    mixed = prm.get("precision") == "bf16"
    # Without its cache, which would hold the first step's weights for the whole epoch.
    return torch.autocast(device.type, torch.bfloat16, enabled=mixed, cache_enabled=False)


def keep_state(folder: Path, net: nn.Module, epochs: Sequence[Epoch]) -> None:
    """Write the state of a net, or warn that it cannot be written."""
    try:
        checkpoint.save(folder, net, epochs)
    # The disk may be full, or the net hold what cannot be pickled. Neither may cost the training;
    # were it interrupted, it would be begun again.
    except Exception as error:
        _warn(f"{folder}: the trial's state cannot be kept", error)


def keep_weights(file: Path, net: nn.Module, epoch: Epoch, keep: Keep, *, is_best: bool) -> None:
    """Write the weights of a net after an epoch, or warn that they cannot be written."""
    try:
        kept_weights.keep_as(file, net, epoch, keep, is_best=is_best)
    # As of the state; the net would have to be trained again.
    except Exception as error:
        _warn(f"{file}: the trial's weights cannot be kept", error)


def _warn(what: str, error: Exception) -> None:
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    warnings.warn(f"{what}: {reason}", stacklevel=3)


def build_metrics(
    pipeline: Pipeline, out_shape: tuple[int, ...], device: torch.device
) -> dict[str, Metric]:
    """Return the pipeline's metrics, the objective first, each with its state on the device."""
    metrics = {
        name: as_metric(entry.load(), out_shape, entry.name)
        for name, entry in {pipeline.metric: pipeline.metric_entry, **pipeline.also}.items()
    }
    for metric in metrics.values():
        if isinstance(metric, nn.Module):
            metric.to(device)
    return metrics


def epoch_of(
    number: int,
    loss: float | None,
    validation: Mapping[str, float],
    accuracy: Mapping[str, float],
    duration_ns: int,
    size: Size,
) -> Epoch:
    """Return an epoch's record; of the scores on each split, the first is the objective."""
    objective, *others = validation
    scores = {name: (validation[name], accuracy[name]) for name in others}
    validated, tested = validation[objective], accuracy[objective]
    return Epoch(number, loss, validated, tested, duration_ns, scores, size=size)


def build_net(
    trial: Trial,
    bundle: DataBundle,
    transform: nn.Module,
    metrics: Mapping[str, Metric],
    device: torch.device,
) -> tuple[Any, Size]:
    """Return the trial's net and its size, after it and the metrics took two images.

    Raises:
        CodeChangedError: The code that trains it is not what the trial says.
        MisfitError: It cannot take them.
        NotFiniteError: A metric cannot take its outputs, which are NaN or infinite.
    """
    entry = trial.pipeline.net_entry
    if trial.recipe is not None and entry.recipe() != trial.recipe:
        raise CodeChangedError(entry.name, "the code that trains it")
    net_module = as_net(entry.load(), entry.name)
    sample = _first(bundle, transform, device)
    in_shape = (1, *_shape_of(sample[0], trial.pipeline.dataset)[1:])
    # Its weights depend on the seed alone, and not on how its data is loaded.
    seed_everything(trial.seed)
    net: Any = net_module.net(in_shape, bundle.out_shape, dict(trial.prm), device)
    net.to(device)
    try:
        _score_batch(net.eval(), metrics, *sample)
    except NotFiniteError:
        raise
    # Foreign code may raise anything when the shapes are not what it was written for.
    except Exception as error:
        shape = "x".join(map(str, in_shape[1:]))
        raise MisfitError(
            f"net {entry.name!r} cannot take data set {trial.pipeline.dataset!r} through "
            f"{trial.prm['transform']!r} ({shape} to {bundle.out_shape}): "
            f"{type(error).__name__}: {error}".partition("\n")[0]
        ) from error
    # Lazy modules have their parameters only now.
    parameters = sum(parameter.numel() for parameter in net.parameters())
    return net, Size(parameters, in_shape, tuple(bundle.out_shape))


def train_epoch(net: Any, train_data: TrainData) -> float | None:
    """Train one epoch and return the mean loss, None where the net does not tell.

    Raises:
        NotFiniteError: The loss is NaN or infinite.
    """
    net.train()
    told = net.learn(train_data)
    loss = told[1] if isinstance(told, tuple) else told
    return None if loss is None else check_number("training loss", float(loss))


def score(
    net: Any, scored: TrainData, metrics: Mapping[str, Metric], split: str = "validation"
) -> dict[str, float]:
    """Return the net's score over the batches of a split by each metric, 0 to 1.

    Raises:
        NotFiniteError: An output or a score is NaN or infinite.
    """
    net.eval()
    for metric in metrics.values():
        metric.reset()
    seen = Outputs(split)
    with torch.inference_mode():
        with seen.blamed():
            for inputs, targets in scored:
                outputs = net(inputs)
                seen.look(outputs)
                for metric in metrics.values():
                    metric.update(outputs, targets)
        # Before a score is made of them: to most metrics NaN is an answer like any other.
        seen.check()
        return {
            name: check_number(f"score {name}", float(metric.compute()))
            for name, metric in metrics.items()
        }


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's global generators, and let a GPU repeat what it does.

    cuDNN's fastest algorithms sum in any order: two trainings of SqueezeNet on an H200 came to
    losses of 1.81 and 1.77 after two epochs. Those that keep an order took no longer there.
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
    """Return the shape of a batch of inputs, of its first tensor where it has several.

    Raises:
        MisfitError: It has none.
    """
    waiting = [inputs]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, Tensor):
            return one.shape
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
    raise MisfitError(
        f"data set {dataset!r}: its batches hold no tensor but {type(inputs).__name__}; "
        "expected inputs that are tensors, or the bundle's collate to make tensors of them"
    )


def _score_batch(net: Any, metrics: Mapping[str, Metric], inputs: Any, targets: Any) -> None:
    # Lazy modules make their parameters here; in inference mode these could not be trained.
    with torch.no_grad():
        outputs, seen = net(inputs), Outputs("validation")
        seen.look(outputs)
        with seen.blamed():
            for metric in metrics.values():
                metric.reset()
                metric.update(outputs, targets)
                metric.compute()
