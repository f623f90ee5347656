"""Try a net in the sandboxed process, in steps from cheap to expensive.

Each step is reported when it begins. The report also has the results of the step before: after
``import`` the hyperparameters, after ``build`` (on the meta device, which holds no memory) the
parameters and multiply-adds, after ``forward`` on two images the parameters of the net as it is
trained, after ``batch`` nothing, and after each of the ``epochs`` its record.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from lemur_check.check_settings import CheckSettings
from lemur_core import Pipeline, Trial, installed
from lemur_core.kinds.net import NetModule, as_net
from lemur_core.kinds.task import task_of
from lemur_core.kinds.transform import as_transform
from lemur_core.labels import with_labels_checked
from lemur_core.training import (
    Bundles,
    batches,
    build_metrics,
    build_net,
    check_weights,
    finite_buffers,
    middle_prm,
    run_trial,
    seed_everything,
    train_epoch,
)

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.loader import DataBundle

T = TypeVar("T")
Report = Callable[[Mapping[str, Any]], None]
_REASON_LENGTH, _TRACEBACK_LENGTH = 500, 8_000
# The weight, the gradient and two values of the optimizer, in bytes.
_BYTES_PER_PARAMETER = 16


@dataclass(frozen=True)
class CheckJob:
    """A net to check.

    Attributes:
        name: Name of the net.
        code: Its source.
        file: The file to write its source to.
        bundle: The data.
        settings: The settings of the check.
        memory_bytes: Memory limit.
    """

    name: str
    code: str
    file: Path
    bundle: DataBundle
    settings: CheckSettings
    memory_bytes: int


def prepare(request: Mapping[str, Any], scratch: Path, bundles: Bundles) -> CheckJob:
    """Return a job with its data loaded.

    Raises:
        LemurError: The dataset, metric or transform does not exist, or the data is not available.
    """
    settings = CheckSettings(**request["asked"])
    # Composed with a placeholder: faults of the net's own name or source are failures of the net.
    bundle = bundles.get(settings.pipeline(installed(), "net", "net.py"))
    file = scratch / f"{request['name']}.py"
    return CheckJob(
        request["name"], request["code"], file, bundle, settings, request["memory_bytes"]
    )


def run(job: CheckJob, report: Report) -> None:
    """Take each step until one fails, and report the failure and its line in the source."""
    try:
        _run(job, report)
    # A net may raise anything, including SystemExit and KeyboardInterrupt.
    except BaseException as error:
        report(_failure(error, str(job.file)))
    else:
        report({"done": True})


def _run(job: CheckJob, report: Report) -> None:
    settings = job.settings
    job.file.write_text(job.code, encoding="utf-8")
    pipeline = settings.pipeline(installed(), job.name, str(job.file))
    bundle = with_labels_checked(job.bundle, task_of(pipeline.task_entry), pipeline.dataset)
    report({"step": "import"})
    seed_everything(settings.seed)
    module = as_net(pipeline.net_entry.load(), pipeline.net)
    prm = _prm(module, pipeline, settings)
    report({"step": "build", "prm": prm})
    trial = Trial(pipeline, 1, prm, settings.seed, settings.epochs)
    transform = as_transform(trial.transform_entry.load(), bundle.scale, prm["transform"])
    device = torch.device(trial.device)
    loader = batches(
        bundle.train, transform, prm["batch"], device, training=False, collate=bundle.collate
    )
    batch = next(iter(loader))
    sizes = _measure(module, batch[0][:1], bundle.out_shape, prm)
    _check_fits(sizes.get("parameters", 0), job.memory_bytes)
    report({"step": "forward", **sizes})
    metrics = build_metrics(pipeline, bundle.out_shape, device)
    net, size = build_net(trial, bundle, transform, metrics, device)
    report({"step": "batch", "parameters": size.parameters})
    net.train_setup(prm)
    buffers = finite_buffers(net)
    train_epoch(net, [batch])
    check_weights(net, buffers)
    del net
    if settings.epochs:
        report({"step": "epochs"})
        for epoch in run_trial(trial, bundle):
            report({"epoch": vars(replace(epoch, scores={}))})


def _prm(module: NetModule, pipeline: Pipeline, settings: CheckSettings) -> dict[str, Any]:
    transform = next(iter(pipeline.transforms))
    return middle_prm(module) | {"transform": transform} | dict(settings.prm)


def _measure(
    module: NetModule, image: torch.Tensor, out_shape: tuple[int, ...], prm: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters and multiply-adds of a net, built on the meta device without memory."""
    device = torch.device("meta")
    try:
        with device:
            net = module.net(tuple(image.shape), out_shape, dict(prm), device).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(image.to(device))
    # Some nets read values while they are built, which the meta device does not have. Their
    # parameters are counted in the step ``forward``.
    except Exception:
        return {}
    return {"parameters": _parameters(net), "multiply_adds": counter.get_total_flops() // 2}


def _check_fits(parameters: int, memory_bytes: int) -> None:
    needed = parameters * _BYTES_PER_PARAMETER
    if needed > memory_bytes:
        raise MemoryError(
            f"its {parameters:,} parameters take {needed / 2**30:.1f} GiB to train; "
            f"the limit is {memory_bytes / 2**30:.1f} GiB"
        )


def _parameters(net: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def _failure(error: BaseException, file: str) -> dict[str, Any]:
    nowhere: Sequence[int | None] = ()
    # A metaclass can define ``__name__`` of its classes.
    kind = type.__dict__["__name__"].__get__(type(error))
    text = _unless_it_raises(lambda: str(error), "(its text cannot be shown)")
    lines = _unless_it_raises(lambda: _lines(error, file), nowhere)
    trace = _unless_it_raises(lambda: "".join(traceback.format_exception(error)), "")
    return {
        "failed": f"{kind}: {text}".partition("\n")[0][:_REASON_LENGTH],
        "line": lines[-1] if lines else None,
        "traceback": trace[-_TRACEBACK_LENGTH:],
    }


def _lines(error: BaseException, file: str) -> Sequence[int | None]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame.lineno for frame in frames if frame.filename == file]


def _unless_it_raises(function: Callable[[], T], default: T) -> T:
    try:
        return function()
    # Even the text of an exception is computed by untrusted code.
    except BaseException:
        return default
