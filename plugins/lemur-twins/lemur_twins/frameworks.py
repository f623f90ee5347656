"""The frameworks in which nets are written, each imported only in a process that uses it.

A process uses PyTorch, which lemur itself needs, and at most one other framework: each of them
starts threads and takes memory of its own, and Keras has one backend for the whole process.
"""

from __future__ import annotations

import logging
import os
import random
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lemur_core.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class MissingFrameworkError(PluginError):
    """A framework is not installed.

    Attributes:
        framework: Name of the framework.
        extra: The extra of lemur-twins that installs it.
    """

    def __init__(self, framework: Framework, module: str) -> None:
        self.framework, self.extra = framework.name, framework.extra
        super().__init__(
            f"framework {framework.name!r} needs the module {module}, which is not installed: "
            f"pip install 'lemur-twins[{framework.extra}]'"
        )


class FrameworkInUseError(PluginError):
    """A process that uses one framework is asked to use another one.

    Attributes:
        used: Name of the framework that the process uses.
        asked: Name of the other one.
    """

    def __init__(self, used: str, asked: str) -> None:
        self.used, self.asked = used, asked
        super().__init__(
            f"framework {asked!r}: this process already uses {used!r}; use one framework beside "
            "PyTorch in a process"
        )


@dataclass(frozen=True)
class Framework:
    """A framework.

    Attributes:
        name: Name in commands and in names of nets, for example ``jax`` in ``CNN-S.jax``.
        title: Name for people.
        backend: Name of the module of `lemur_twins.backends` that trains its nets.
        modules: The modules that must be installed.
        distributions: The distributions whose versions identify the framework.
        extra: The extra of lemur-twins that installs it; empty if it is always installed.
        environment: Environment variables that are set before the framework is imported.
    """

    name: str
    title: str
    backend: str
    modules: tuple[str, ...]
    distributions: tuple[str, ...]
    extra: str = ""
    environment: tuple[tuple[str, str], ...] = ()

    def missing(self) -> str:
        """Return the name of the first module that is not installed; empty if all are."""
        return next((module for module in self.modules if find_spec(module) is None), "")

    def check(self) -> None:
        """Check that the framework is installed, without importing it.

        Raises:
            MissingFrameworkError: It is not.
        """
        if module := self.missing():
            raise MissingFrameworkError(self, module)

    def versions(self) -> dict[str, str]:
        """Return the versions of its distributions, without importing them.

        Raises:
            MissingFrameworkError: The framework is not installed.
        """
        self.check()
        return dict(filter(None, map(_version_of, self.distributions)))


_KERAS = ("keras",)
# Some lines on standard error remain, which TensorFlow prints before it reads this.
_QUIET = (("TF_CPP_MIN_LOG_LEVEL", "2"),)

FRAMEWORKS: Mapping[str, Framework] = {
    framework.name: framework
    for framework in (
        Framework("pytorch", "PyTorch", "pytorch", ("torch",), ("torch",)),
        Framework(
            "jax", "JAX with flax", "jax", ("jax", "flax", "optax"), ("jax", "flax", "optax"), "jax"
        ),
        Framework(
            "tensorflow",
            "Keras on TensorFlow",
            "keras",
            ("tensorflow", *_KERAS),
            ("tensorflow-cpu", "tensorflow", *_KERAS),
            "tensorflow",
            (("KERAS_BACKEND", "tensorflow"), *_QUIET),
        ),
        Framework(
            "keras-torch",
            "Keras on PyTorch",
            "keras",
            ("torch", *_KERAS),
            ("torch", *_KERAS),
            "keras",
            (("KERAS_BACKEND", "torch"),),
        ),
        Framework(
            "keras-jax",
            "Keras on JAX",
            "keras",
            ("jax", *_KERAS),
            ("jax", *_KERAS),
            "keras,jax",
            (("KERAS_BACKEND", "jax"),),
        ),
    )
}
"""The frameworks by name. PyTorch comes first: the others are matched to its conventions."""

_used: list[str] = []


def framework_named(name: str) -> Framework:
    """Return a framework by its name.

    Raises:
        UnknownNameError: There is no such framework.
    """
    if name not in FRAMEWORKS:
        raise UnknownNameError("framework", name, FRAMEWORKS)
    return FRAMEWORKS[name]


def use(name: str) -> Framework:
    """Import a framework in this process, and return it.

    Its number of threads is that of torch at this moment.

    Raises:
        UnknownNameError: There is no such framework.
        MissingFrameworkError: It is not installed.
        FrameworkInUseError: The process uses another framework.
    """
    framework = framework_named(name)
    framework.check()
    if name == "pytorch" or name in _used:
        return framework
    _check_free(framework)
    os.environ.update(framework.environment)
    with _generators_kept():
        _IMPORTS[name]()
    _used.append(name)
    return framework


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Restore the global generators on exit.

    Importing TensorFlow draws from Python's, from which Keras draws the seeds of initial weights:
    the first net of a process would have others than those after it.
    """
    import numpy as np
    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def _check_free(framework: Framework) -> None:
    if _used:
        raise FrameworkInUseError(_used[0], framework.name)
    # Imported by others, Keras has a backend already.
    if "keras" in sys.modules and framework.backend == "keras":
        backend = import_module("keras").backend.backend()
        if dict(framework.environment)["KERAS_BACKEND"] != backend:
            raise FrameworkInUseError(f"Keras on {backend}", framework.name)


def _import_jax() -> None:
    import torch

    if "jax" not in sys.modules:
        flags = os.environ.get("XLA_FLAGS", "")
        if torch.get_num_threads() == 1:
            flags += " --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = flags.strip()
        # There may be a GPU, which the processes of other trials use too.
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import_module("jax")


def _import_keras() -> None:
    import_module("keras")


def _import_keras_on_jax() -> None:
    _import_jax()
    _import_keras()


def _import_tensorflow() -> None:
    """Import TensorFlow after what registers LLVM's options, which must not be registered twice.

    In a process that has imported TensorFlow first, importing triton, which torch's optimizers do,
    ends it with SIGABRT.
    """
    import torch

    if "tensorflow" not in sys.modules:
        for module in ("triton", "torchvision"):
            if find_spec(module):
                import_module(module)
    # It warns that functions are traced again, as they are for each net.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    tensorflow = import_module("tensorflow")
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(torch.get_num_threads())
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        # Otherwise, sums differ between two trainings with the same seed.
        tensorflow.config.experimental.enable_op_determinism()
    # It has computed something, with its own number of threads.
    except RuntimeError:
        pass
    _import_keras()


_IMPORTS = {
    "jax": _import_jax,
    "keras-jax": _import_keras_on_jax,
    "keras-torch": _import_keras,
    "tensorflow": _import_tensorflow,
}


def _version_of(distribution: str) -> tuple[str, str] | None:
    try:
        return distribution, metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
