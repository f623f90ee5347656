"""Start processes in which untrusted code can do no harm.

With bubblewrap, a process has no network, can only read what Python needs of the system, and can
only write to a scratch folder in memory. It is the first process of its namespaces, so none of
bubblewrap's processes is visible to nets. Without bubblewrap, the only restrictions are a filter of
system calls and limits on time, memory and the size of files; `Sandbox.not_enforced` lists the
missing ones.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import lemur_core
from lemur_check import seccomp
from lemur_check.importable import importable, path
from lemur_core import Registry
from lemur_core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Programs and libraries, and the dynamic loader's configuration.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
)  # fmt: skip
_ALONE = (
    "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
    "--uid", "65534", "--gid", "65534", "--disable-userns", "--as-pid-1",
)  # fmt: skip
_SHARED_MEMORY, _SCRATCH = "/dev/shm", "/scratch"  # noqa: S108
_USUAL_SCRATCH = Path("/tmp")  # noqa: S108 - in the sandbox, a link to the scratch folder
_UNENFORCED = (
    "network", "files that you can read or write", "the number of processes", "your other processes"
)  # fmt: skip
_UNFILTERED = "any system call"


@dataclass(frozen=True)
class Limits:
    """Limits of the run of one net.

    Attributes:
        seconds: Time from the first step to the last, in seconds.
        memory_bytes: Memory of all its processes together.
        processes: Number of processes at once; threads are not counted.
        scratch_bytes: Total size of the files in its scratch folder, and size of each file.
    """

    seconds: float = 600.0
    memory_bytes: int = 4 * 2**30
    processes: int = 32
    scratch_bytes: int = 256 * 2**20


@dataclass(frozen=True)
class Sandbox:
    """How processes for untrusted code are started.

    Attributes:
        limits: Limits of each run.
        readable: Files and folders that can be read, besides the system's programs and libraries.
        trust: Whether the code is trusted; only its time is limited then.
        bubblewrap: Path of the program. None if it is not installed or must not be used.
        no_walls: Whether untrusted code may be run without bubblewrap.

    Raises:
        SettingsError: Untrusted code would be run without bubblewrap.
    """

    limits: Limits
    readable: Sequence[Path]
    trust: bool = False
    bubblewrap: str | None = None
    no_walls: bool = False

    def __post_init__(self) -> None:
        if not (self.trust or self.bubblewrap or self.no_walls):
            raise SettingsError(
                "nets are run in a sandbox, and bubblewrap 0.8 or later cannot be used here; "
                "install it, give --trust if the nets are your own, or --no-walls to run them "
                "with limits only"
            )

    @property
    def folders(self) -> tuple[str, ...]:
        """The writable folders in bubblewrap's sandbox, which are in memory."""
        return _SHARED_MEMORY, _SCRATCH

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """The restrictions that are not enforced on untrusted code."""
        if self.trust:
            return ()
        unfiltered = () if self.filters else (_UNFILTERED,)
        return unfiltered if self.bubblewrap else (*_UNENFORCED, *unfiltered)

    @property
    def alone(self) -> bool:
        """Whether a process is the first of its own namespaces."""
        return self.bubblewrap is not None and not self.trust

    @property
    def filters(self) -> bool:
        """Whether system calls are filtered."""
        return not self.trust and seccomp.assemble() is not None

    def command(self, program: Sequence[str]) -> list[str]:
        """Return the command that starts a program."""
        if self.trust or self.bubblewrap is None:
            return list(program)
        return [self.bubblewrap, *_walls(self.limits, self.readable), "--", *program]

    def environment(self, scratch: Path) -> dict[str, str]:
        """Return the environment of a process, with only the variables that Python needs.

        Args:
            scratch: The scratch folder if bubblewrap is not used.
        """
        home = _SCRATCH if self.alone else str(scratch)
        return {
            "HOME": home,
            "TMPDIR": home,
            "USER": "lemur",
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(dict.fromkeys(_import_path(self.readable))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TORCHINDUCTOR_CACHE_DIR": f"{home}/inductor",
        }


def _walls(limits: Limits, places: Sequence[Path]) -> Iterator[str]:
    size = ("--size", str(limits.scratch_bytes), "--perms", "1777")
    yield from _ALONE
    for place in _SYSTEM:
        yield from ("--ro-bind-try", place, place)
    yield from ("--proc", "/proc", "--dev", "/dev", "--mqueue", "/dev/mqueue")
    # /dev/full also reads as zeros, but cannot be mapped as memory that belongs to no file.
    yield from ("--dev-bind", "/dev/full", "/dev/zero")
    yield from (*size, "--tmpfs", _SHARED_MEMORY, *size, "--tmpfs", _SCRATCH, "--chdir", _SCRATCH)
    # Folders beside readable ones must not be writable: Python would find modules there.
    if not any(_USUAL_SCRATCH in place.parents for place in places):
        yield from ("--symlink", _SCRATCH, str(_USUAL_SCRATCH))
    for place in map(str, places):
        yield from ("--ro-bind-try", place, place)
    # These folders are in memory, and writing to them would take memory; in /proc, processes could
    # change each other's settings.
    yield from ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")


@lru_cache
def find_bubblewrap() -> str | None:
    """Return the path of bubblewrap, or None if it is not installed, too old or not permitted."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    # Containers may forbid creating namespaces, or mounting in them.
    command = [program, *_walls(Limits(), []), "--", "true"]
    process = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    return program if process.returncode == 0 else None


def readable(registry: Registry, data: Path) -> list[Path]:
    """Return the files and folders needed for training: Python, packages, plugins and datasets."""
    python = [Path(sys.prefix), Path(sys.base_prefix), *_packages()]
    places = [*python, *_sources(registry), *importable(), data]
    resolved = dict.fromkeys(place.resolve() for place in places if place.exists())
    return [place for place in resolved if not any(other in place.parents for other in resolved)]


def _packages() -> Iterator[Path]:
    yield from map(Path, site.getsitepackages())
    if site.ENABLE_USER_SITE:
        yield Path(site.getusersitepackages())


def _sources(registry: Registry) -> Iterator[Path]:
    """Yield the folders of lemur and the plugins, which can be editable installations."""
    yield from (Path(lemur_core.__file__).parent, Path(__file__).parent)
    for plugin in registry.plugins.values():
        if file := getattr(plugin.module, "__file__", None):
            yield Path(file).parent


def _import_path(places: Iterable[Path]) -> Iterator[str]:
    """Yield the folders from which packages among these paths are imported."""
    yield from path()
    for place in places:
        if (place / "__init__.py").exists():
            yield str(place.parent)
