"""How a process is started that foreign code can do no harm from.

With bubblewrap it has no network, sees of the system only what Python needs, and that read-only,
and can write to a scratch folder in memory alone. It is the first process of its namespaces: there
is none of bubblewrap's among them, which nets could write to. Without, a filter of system calls
and limits on time, memory and the size of files are all that holds it; `Sandbox.not_enforced` says
what does not.
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

# Programs and libraries, and how the loader finds these.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
)  # fmt: skip
_ALONE = (
    "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
    "--uid", "65534", "--gid", "65534", "--disable-userns", "--as-pid-1",
)  # fmt: skip
_SHARED_MEMORY, _SCRATCH = "/dev/shm", "/scratch"  # noqa: S108
_USUAL_SCRATCH = Path("/tmp")  # noqa: S108 - inside it is another name of the scratch folder
_UNENFORCED = (
    "network", "files that you can read or write", "the number of processes", "your other processes"
)  # fmt: skip
_UNFILTERED = "any system call"


@dataclass(frozen=True)
class Limits:
    """What the run of one net may take.

    Attributes:
        seconds: From the first step to the last.
        memory_bytes: Of all its processes together.
        processes: How many there may be at once, threads not counted.
        scratch_bytes: Of all files in its scratch folder, and of each.
    """

    seconds: float = 600.0
    memory_bytes: int = 4 * 2**30
    processes: int = 32
    scratch_bytes: int = 256 * 2**20


@dataclass(frozen=True)
class Sandbox:
    """How processes for foreign code are started.

    Attributes:
        limits: What a run may take.
        readable: What can be read in it beside the system's programs and libraries.
        trust: Whether the code is one's own: then nothing but the time it takes is limited.
        bubblewrap: The program; None where it is not installed, or not to be used.
        no_walls: Whether code that is not trusted may be run without bubblewrap.

    Raises:
        SettingsError: Code that is not trusted would be run without bubblewrap.
    """

    limits: Limits
    readable: Sequence[Path]
    trust: bool = False
    bubblewrap: str | None = None
    no_walls: bool = False

    def __post_init__(self) -> None:
        if not (self.trust or self.bubblewrap or self.no_walls):
            raise SettingsError(
                "nets are run behind walls, and bubblewrap 0.8 or later cannot be used here; "
                "install it, give --trust if the nets are your own, or --no-walls to run them "
                "with limits only"
            )

    @property
    def folders(self) -> tuple[str, ...]:
        """What can be written to behind walls, in memory."""
        return _SHARED_MEMORY, _SCRATCH

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """What foreign code is not kept from."""
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
        """Return the environment of a process: nothing of this one's but what Python needs.

        Args:
            scratch: The scratch folder where bubblewrap makes none.
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
    # It gives zeros too, and cannot be mapped as memory that is in no file.
    yield from ("--dev-bind", "/dev/full", "/dev/zero")
    yield from (*size, "--tmpfs", _SHARED_MEMORY, *size, "--tmpfs", _SCRATCH, "--chdir", _SCRATCH)
    # Nothing may be written beside what is read: modules would be found there.
    if not any(_USUAL_SCRATCH in place.parents for place in places):
        yield from ("--symlink", _SCRATCH, str(_USUAL_SCRATCH))
    for place in map(str, places):
        yield from ("--ro-bind-try", place, place)
    # These are made in memory, and would take what is written to them; in the folder of processes
    # each could change how another is treated.
    yield from ("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/")


@lru_cache
def find_bubblewrap() -> str | None:
    """Return the path of bubblewrap; None where it is not installed, too old, or not allowed."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    # In a container it may be forbidden to make namespaces, or to mount what is in them.
    trial = [program, *_walls(Limits(), []), "--", "true"]
    tried = subprocess.run(trial, capture_output=True, check=False)  # noqa: S603
    return program if tried.returncode == 0 else None


def readable(registry: Registry, data: Path) -> list[Path]:
    """Return what a process needs to read to train: Python, its packages, the plugins, the data."""
    python = [Path(sys.prefix), Path(sys.base_prefix), *_packages()]
    places = [*python, *_sources(registry), *importable(), data]
    whole = dict.fromkeys(place.resolve() for place in places if place.exists())
    return [place for place in whole if not any(other in place.parents for other in whole)]


def _packages() -> Iterator[Path]:
    yield from map(Path, site.getsitepackages())
    if site.ENABLE_USER_SITE:
        yield Path(site.getusersitepackages())


def _sources(registry: Registry) -> Iterator[Path]:
    """Yield the folders of lemur and the plugins, which may be installed for editing."""
    yield from (Path(lemur_core.__file__).parent, Path(__file__).parent)
    for plugin in registry.plugins.values():
        if file := getattr(plugin.module, "__file__", None):
            yield Path(file).parent


def _import_path(places: Iterable[Path]) -> Iterator[str]:
    """Yield where packages among these places are found."""
    yield from path()
    for place in places:
        if (place / "__init__.py").exists():
            yield str(place.parent)
