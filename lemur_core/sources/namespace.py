"""Find the modules that belong to a net rather than to an installed package."""

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

_NEVER_USER_CODE = {"lemur_core", *sys.stdlib_module_names}
_INSTALLED = {"site-packages", "dist-packages"}
# For longer names, the operating system raises an error other than "file not found".
_MAX_PART_BYTES = 250
# A copy, so that folders a net adds to sys.path while it is loaded are not searched later.
_INITIAL_PATH = tuple(sys.path)


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
        """The package that its relative imports start from; empty for a file outside a package."""
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

    An import statement in one of these modules searches, in this order: the standard library and
    installed packages, the folder of the net, and the folders of ``PYTHONPATH`` and of the script
    that runs lemur, unless packages are installed there.

    Attributes:
        main: The net's own module.

    Args:
        file: The net's file.
        module: Its dotted name if it is imported as a module of a package; None for a file.
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
        """Return whether a package contains the net's module."""
        return not package or f"{self.main.package}.".startswith(f"{package}.")

    def absolute(self, name: str) -> str | None:
        """Return the module of the net that ``import name`` finds; None if it is not the net's."""
        top, _, submodule = name.partition(".")
        if top in _NEVER_USER_CODE:
            return None
        top_module = self._top_level_module(top)
        if top_module is None or not submodule:
            return top_module
        return f"{top_module}.{submodule}"

    def find(self, name: str) -> NetModuleFile | None:
        """Return the module with a name; None if there is none."""
        if not name:
            return NetModuleFile("", None, True)
        for root in (self._root, *_user_folders()):
            if (module := in_folder(root, name)) is not None:
                return module
        return None

    def shadowed(self, name: str) -> Path | None:
        """Return the file beside the net that ``import name`` ignores; None if there is none."""
        if self._beside is None or (module := in_folder(self._beside, name)) is None:
            return None
        return (
            module.file if name in _NEVER_USER_CODE or _is_installed(name, self._beside) else None
        )

    def _top_level_module(self, top: str) -> str | None:
        if top == self._top:
            return top
        if self._beside is not None and _is_user_module(self._beside, top):
            return f"{self.main.name.rpartition('.')[0]}.{top}".lstrip(".")
        roots = [] if _INSTALLED & set(self._root.parts) else [self._root]
        return (
            top if any(_is_user_module(root, top) for root in (*roots, *_user_folders())) else None
        )


def _packages(folder: Path) -> list[str]:
    """Return the names of the packages that a folder belongs to, outermost first."""
    names: list[str] = []
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    return names


def in_folder(folder: Path, name: str) -> NetModuleFile | None:
    """Return the module with a dotted name below a folder; None if there is none."""
    if any(len(os.fsencode(part)) > _MAX_PART_BYTES for part in name.split(".")):
        return None
    path = folder.joinpath(*name.split("."))
    if (file := path / "__init__.py").is_file():
        return NetModuleFile(name, file, True)
    if (file := path.with_name(f"{path.name}.py")).is_file():
        return NetModuleFile(name, file, False)
    if path.is_dir() and any(path.glob("*.py")):
        return NetModuleFile(name, None, True)
    return None


def _is_user_module(folder: Path, top: str) -> bool:
    return in_folder(folder, top) is not None and not _is_installed(top, folder)


def _is_installed(top: str, net_folder: Path) -> bool:
    """Return whether a package is installed in another folder than the net's."""
    excluded = {net_folder.resolve(), *_user_folders()}
    spec = PathFinder.find_spec(
        top, [str(folder) for folder in _search_path() if folder not in excluded]
    )
    # A folder without __init__.py is a namespace package, which any regular package overrides.
    return spec is not None and spec.origin is not None


def _user_folders() -> Iterator[Path]:
    """Yield the folders of ``sys.path`` before the standard library without installed packages."""
    library = Path(sysconfig.get_path("stdlib")).resolve()
    for folder in _search_path():
        if folder == library or folder.suffix == ".zip":
            return
        if folder.is_dir() and not _contains_metadata(folder):
            yield folder


def is_installed(file: Path, folder: Path) -> bool:
    """Return whether a module is installed rather than part of the user's code.

    Args:
        file: The file of the module.
        folder: The folder that contains its top-level package.
    """
    library = Path(sysconfig.get_path("stdlib")).resolve()
    if library in file.parents or _INSTALLED & set(file.parts) or _contains_metadata(folder):
        return True
    return folder in _search_path() and folder not in _user_folders()


def _contains_metadata(folder: Path) -> bool:
    return any(name.endswith((".dist-info", ".egg-info")) for name in os.listdir(folder))


def _search_path() -> Iterator[Path]:
    yield from (Path(entry or ".").resolve() for entry in _INITIAL_PATH if isinstance(entry, str))
