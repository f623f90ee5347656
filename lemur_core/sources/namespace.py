"""Where the modules are that belong to a net, and not to an installed package."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import decode_source
from pathlib import Path
from typing import TYPE_CHECKING

from lemur_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEVER_OWN = {"lemur_core", *sys.stdlib_module_names}
_INSTALLED = {"site-packages", "dist-packages"}
# Of what no file has the name, the system would say more than that it is not there.
_LONGEST_PART = 250
# Folders that a net adds while it is loaded are no place to look for its modules the next time.
_PATH = tuple(sys.path)


@dataclass(frozen=True)
class NetModuleFile:
    """A module or package of a net.

    Attributes:
        name: Its dotted name among the net's modules.
        file: Its source file; None for a package without ``__init__.py``.
        is_package: Whether it is a folder.
    """

    name: str
    file: Path | None
    is_package: bool

    @property
    def package(self) -> str:
        """The package that its relative imports start from; empty for a file of no package."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    def source(self) -> str:
        """Return its text; empty for a package without ``__init__.py``.

        Raises:
            PluginError: It cannot be read, or is not text in its encoding.
        """
        try:
            return decode_source(self.file.read_bytes()) if self.file else ""
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            raise PluginError(f"{self.file} cannot be read as Python: {error}") from error


class Namespace:
    """The modules that belong to a net.

    An import statement of one of these modules finds, in this order, the standard library and
    installed packages, the files beside the net, and folders of ``PYTHONPATH`` or of the script
    that runs lemur, where nothing is installed.

    Attributes:
        main: The net's own module.

    Args:
        file: The net's file.
        module: Its dotted name where it is imported as a module of a package; None for a file.
    """

    def __init__(self, file: Path, module: str | None = None) -> None:
        is_package = module is not None and file.name == "__init__.py"
        folder = file.parent.parent if is_package else file.parent
        if module is None:
            self._beside: Path | None = folder
            packages = _packages(folder)
            name = ".".join([*packages, file.stem])
        else:
            self._beside, packages, name = None, module.split(".")[:-1], module
        self.main = NetModuleFile(name, file, is_package)
        self._root = folder.joinpath(*[".."] * len(packages)).resolve()
        self._top = packages[0] if packages else ""

    def contains_main(self, package: str) -> bool:
        """Return whether the net's module is inside a package."""
        return not package or f"{self.main.package}.".startswith(f"{package}.")

    def absolute(self, name: str) -> str | None:
        """Return the name among the net's modules of what ``import name`` finds; None elsewhere."""
        top, _, rest = name.partition(".")
        if top in _NEVER_OWN:
            return None
        own = self._own(top)
        return own if own is None or not rest else f"{own}.{rest}"

    def find(self, name: str) -> NetModuleFile | None:
        """Return the module of a name; None where there is none."""
        if not name:
            return NetModuleFile("", None, True)
        for root in (self._root, *_users_folders()):
            if (found := in_folder(root, name)) is not None:
                return found
        return None

    def shadowed(self, name: str) -> Path | None:
        """Return the file beside the net that ``import name`` does not find; None elsewhere."""
        if self._beside is None or (found := in_folder(self._beside, name)) is None:
            return None
        return found.file if name in _NEVER_OWN or _is_installed(name, self._beside) else None

    def _own(self, top: str) -> str | None:
        if top == self._top:
            return top
        if self._beside is not None and _is_own(self._beside, top):
            return f"{self.main.name.rpartition('.')[0]}.{top}".lstrip(".")
        roots = [] if _INSTALLED & set(self._root.parts) else [self._root]
        return top if any(_is_own(root, top) for root in (*roots, *_users_folders())) else None


def _packages(folder: Path) -> list[str]:
    """Return the names of the packages that a folder is, the outermost first."""
    names: list[str] = []
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    return names


def in_folder(folder: Path, name: str) -> NetModuleFile | None:
    """Return the module of a dotted name whose top-level package is in a folder."""
    if any(len(os.fsencode(part)) > _LONGEST_PART for part in name.split(".")):
        return None
    place = folder.joinpath(*name.split("."))
    if (file := place / "__init__.py").is_file():
        return NetModuleFile(name, file, True)
    if (file := place.with_name(f"{place.name}.py")).is_file():
        return NetModuleFile(name, file, False)
    if place.is_dir() and any(place.glob("*.py")):
        return NetModuleFile(name, None, True)
    return None


def _is_own(folder: Path, top: str) -> bool:
    return in_folder(folder, top) is not None and not _is_installed(top, folder)


def _is_installed(top: str, but: Path) -> bool:
    """Return whether a package is installed in another folder than the net's."""
    users = {but.resolve(), *_users_folders()}
    spec = PathFinder.find_spec(top, [str(place) for place in _path() if place not in users])
    # A folder without __init__.py is a package only where there is no other.
    return spec is not None and spec.origin is not None


def _users_folders() -> Iterator[Path]:
    """Yield where Python looks before the standard library, but for what is installed there."""
    library = Path(sysconfig.get_path("stdlib")).resolve()
    for place in _path():
        if place == library or place.suffix == ".zip":
            return
        if place.is_dir() and not _holds_metadata(place):
            yield place


def is_installed(file: Path, folder: Path) -> bool:
    """Return whether a module is installed, and not a user's own.

    Args:
        file: Its file.
        folder: Where its top-level package is.
    """
    library = Path(sysconfig.get_path("stdlib")).resolve()
    if library in file.parents or _INSTALLED & set(file.parts) or _holds_metadata(folder):
        return True
    return folder in _path() and folder not in _users_folders()


def _holds_metadata(folder: Path) -> bool:
    return any(name.endswith((".dist-info", ".egg-info")) for name in os.listdir(folder))


def _path() -> Iterator[Path]:
    yield from (Path(place or ".").resolve() for place in _PATH if isinstance(place, str))
