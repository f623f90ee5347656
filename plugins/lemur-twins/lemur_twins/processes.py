"""Processes that use one framework each, for what compares several of them."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

from lemur_core.errors import PluginError
from lemur_twins.frameworks import framework_named

if TYPE_CHECKING:
    from collections.abc import Callable

_Result = TypeVar("_Result")


class ProcessEndedError(PluginError):
    """The process of a framework was ended.

    Attributes:
        framework: Name of the framework.
    """

    def __init__(self, framework: str) -> None:
        self.framework = framework
        super().__init__(
            f"the process of framework {framework!r} was ended, for example for its memory, or "
            "by a crash of the framework; run the command again"
        )


def call(framework: str, function: Callable[..., _Result], *arguments: object) -> _Result:
    """Call a function in a process of a framework, which is started once.

    Args:
        framework: Name of the framework.
        function: A function of a module that the process can import. It uses the framework.
        *arguments: Its arguments, which are pickled.

    Returns:
        What the function returned.

    Raises:
        UnknownNameError: There is no such framework.
        MissingFrameworkError: It is not installed.
        ProcessEndedError: The process was ended.
        Exception: The function raised an exception.
    """
    framework_named(framework).check()
    try:
        return _process(framework).submit(function, *arguments).result()
    except BrokenExecutor:
        # The next call starts another one.
        _process.cache_clear()
        raise ProcessEndedError(framework) from None


@cache
def _process(framework: str) -> ProcessPoolExecutor:
    # Not forked: threads of other frameworks would be missing.
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)


def _begin() -> None:
    import torch

    torch.set_num_threads(1)
