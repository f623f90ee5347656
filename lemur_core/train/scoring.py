"""Score a net by the metrics of its pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lemur_core.error_metric import Errors
from lemur_core.kinds.metric import ErrorMetric, Metric, metric_of
from lemur_core.train.finite import Outputs, check_number
from lemur_core.trial import Epoch, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lemur_core.kinds.net import TrainData
    from lemur_core.pipeline import Pipeline
    from lemur_core.train.validation_loss import ValidationLoss

# Scoring stores no activations, so its batches can be larger than in training. Their number of
# pixels is limited because the activations of large images need much memory.
_SCORED_AT_ONCE = 256
_SCORED_PIXELS = 2**20
_LARGE_SIDE = 224


def scored_at_once(batch: int, side: int | None) -> int:
    """Return the number of samples in a batch that is scored.

    Args:
        batch: Number of samples in a training batch.
        side: Height and width of the net's inputs; None if unknown.
    """
    return max(batch, min(_SCORED_AT_ONCE, _SCORED_PIXELS // (side or _LARGE_SIDE) ** 2))


def build_metrics(
    pipeline: Pipeline, out_shape: tuple[int, ...], device: torch.device
) -> dict[str, Metric]:
    """Return the pipeline's metrics on the device, the objective first."""
    metrics: dict[str, Metric] = {}
    for name, entry in {pipeline.metric: pipeline.metric_entry, **pipeline.also}.items():
        metric = metric_of(entry, out_shape)
        if isinstance(metric, nn.Module):
            metric.to(device)
        metrics[name] = metric if entry.higher_is_better else ErrorMetric(metric, entry.name)
    return metrics


def errors_of(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return the errors that were computed last, by name of those metrics that compute errors."""
    return {
        name: metric.error for name, metric in metrics.items() if isinstance(metric, ErrorMetric)
    }


def error_facts(validation: Mapping[str, float], test: Mapping[str, float]) -> dict[str, float]:
    """Return the facts of an epoch that record the errors on both splits, by name of the metric."""
    facts: dict[str, float] = {}
    for name, error in validation.items():
        facts |= Errors(error, test[name]).facts(name)
    return facts


def epoch_of(
    number: int,
    loss: float | None,
    validation: Mapping[str, float],
    accuracy: Mapping[str, float],
    duration_ns: int,
    size: Size,
) -> Epoch:
    """Return an epoch; the first metric in ``validation`` is the objective."""
    objective, *others = validation
    scores = {name: (validation[name], accuracy[name]) for name in others}
    validated, tested = validation[objective], accuracy[objective]
    return Epoch(number, loss, validated, tested, duration_ns, scores, size=size)


def score(
    net: Any,
    scored: TrainData,
    metrics: Mapping[str, Metric],
    split: str = "validation",
    loss: ValidationLoss | None = None,
) -> dict[str, float]:
    """Return the net's score over the batches of a split by each metric, 0 to 1.

    Args:
        net: The net.
        scored: The batches of the split.
        metrics: The metrics by name.
        split: Name of the split, for error messages.
        loss: Records the loss of each batch; None computes no loss.

    Raises:
        NotFiniteError: An output or a score is NaN or infinite.
    """
    net.eval()
    for metric in metrics.values():
        metric.reset()
    seen_outputs = Outputs(split)
    with torch.inference_mode():
        with seen_outputs.explain_errors():
            for inputs, targets in scored:
                outputs = net(inputs)
                seen_outputs.record(outputs)
                for metric in metrics.values():
                    metric.update(outputs, targets)
                if loss is not None:
                    loss.record(outputs, targets)
        # Checked before the scores, as most metrics accept NaN.
        seen_outputs.check()
        return {
            name: check_number(f"score {name}", float(metric.compute()))
            for name, metric in metrics.items()
        }


def score_batch(
    net: Any,
    metrics: Mapping[str, Metric],
    inputs: Any,
    targets: Any,
    check_outputs: Callable[[Any], None],
) -> None:
    """Let a net and the metrics process one batch, before the net is trained.

    Args:
        net: The net.
        metrics: The metrics by name.
        inputs: Inputs of the batch.
        targets: Its targets.
        check_outputs: Called with the outputs; raises an exception if metrics cannot read them.
    """
    # Lazy modules create parameters here, which could not be trained if made in inference mode.
    with torch.no_grad():
        outputs, seen_outputs = net(inputs), Outputs("validation")
        check_outputs(outputs)
        seen_outputs.record(outputs)
        with seen_outputs.explain_errors():
            for metric in metrics.values():
                metric.reset()
                metric.update(outputs, targets)
                metric.compute()
