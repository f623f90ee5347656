"""What a plugin registers: a name, and where the object behind it lives.

An entry is text only, so that listing what is installed imports nothing but the plugin modules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import PluginError
from lemur_core.restriction import LIMITS, OPTION

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from lemur_core.space import Value

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z0-9_][\w+-]*)*(:[A-Za-z_]\w*)?")
_DTYPES = ("float32", "complex64")
_FIRST_DOC_LINE = re.compile(r'\s*[rR]?"""\s*([^\n"]+)')


@dataclass(frozen=True, slots=True)
class Entry:
    """One net, loader, transform, metric, estimator, exporter or command of a plugin.

    Attributes:
        name: Short name, in the literature's spelling: letters, digits, ``. + -``; transforms and
            commands may hold ``_``, which separates the parts of a pipeline elsewhere.
        target: ``"package.module"`` or ``"package.module:attribute"``; imported on use only.
            A net given as a file has the file's absolute path, which ends in ``.py``.
        tasks: Tasks it serves, e.g. ``("img-classification",)``; empty means any.
        summary: One line for people.
        min_size: For a net, the least height and width of its input, in pixels.
        size: For a transform, the height and width it gives; for a loader, that of its images;
            in pixels, None where they vary.
        dtype: For a net, what it takes; for a transform, what it gives: ``float32`` or
            ``complex64``.
        opt_in: For a transform, whether it is taken only where it is asked for.
        demo: Whether ``lemur run`` without arguments uses it.
        options: For a loader, names of what may be said of it in brackets,
            ``coco[categories=person]``; in small letters, parted by hyphens. One called ``size``
            is the images' height and width.
        prm: For a net, values of some of its hyperparameters that are fixed, ``{"width": 64}``,
            so that many entries can share one module.
    """

    name: str
    target: str
    tasks: tuple[str, ...] = ()
    summary: str = ""
    min_size: int | None = None
    size: int | None = None
    dtype: str = "float32"
    opt_in: bool = False
    demo: bool = False
    options: tuple[str, ...] = ()
    prm: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PluginError(
                f"entry name {self.name!r}: expected letters, digits and . _ + -, "
                "beginning with a letter or digit"
            )
        if not self.target.endswith(".py") and not _TARGET.fullmatch(self.target):
            raise PluginError(
                f"entry {self.name!r}: target {self.target!r} is not 'package.module' "
                "or 'package.module:attribute'"
            )
        if self.dtype not in _DTYPES:
            raise PluginError(
                f"entry {self.name!r}: dtype {self.dtype!r}; expected {' or '.join(_DTYPES)}"
            )
        if isinstance(self.tasks, str):
            raise PluginError(
                f"entry {self.name!r}: tasks is the text {self.tasks!r}; "
                f"expected a tuple, ({self.tasks!r},)"
            )
        for name, value in self.prm.items():
            if not _is_value(value):
                raise PluginError(
                    f"entry {self.name!r}: prm {name!r} is {value!r}; expected a text, a truth "
                    "value or a finite number"
                )
        for option in self.options:
            if option in LIMITS or not OPTION.fullmatch(option):
                raise PluginError(
                    f"entry {self.name!r}: option {option!r}; expected small letters, digits and "
                    f"hyphens, and none of {', '.join(LIMITS)}"
                )

    def serves(self, task: str) -> bool:
        """Return whether the entry is for this task."""
        return not self.tasks or task in self.tasks

    def file(self) -> Traversable | None:
        """Return the source file of the target without importing it; None where it has none.

        It is a `Path`, but for a module in a zip file on `sys.path`.

        Raises:
            PluginError: The target's module is not there.
        """
        return _module_file(self.module, self.name) if self.module else Path(self.target)

    def source(self) -> str:
        """Return the text of the target's module."""
        file = self.file()
        return file.read_text(encoding="utf-8") if file else ""

    def code(self) -> str:
        """Return a net's code in the dataset: all of it, as one text that runs by itself.

        It is `source` where the module imports none of its own folder or package.

        Raises:
            PluginError: The code cannot be read.
        """
        from lemur_core.sources.complete import complete

        file = self.file()
        try:
            return complete(file, self.module) if isinstance(file, Path) else self.source()
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"the code of {self.name!r} cannot be read: {error}") from error

    def unrecorded(self, imported: Collection[str]) -> list[str]:
        """Return what a net that was loaded uses and `code` lacks, a few words for each.

        Args:
            imported: The names of the modules that loading it added to `sys.modules`.
        """
        from lemur_core.sources.unrecorded import imports_its_package, unrecorded

        file = self.file()
        if isinstance(file, Path):
            return list(dict.fromkeys(unrecorded(file, self.module, imported)))
        if file is None or not imports_its_package(self.source(), self.module or ""):
            return []
        return [f"{file}: other modules of its package, which is in a zip file"]

    @property
    def module(self) -> str | None:
        """The name of the target's module; None where the target is a file."""
        return None if self.target.endswith(".py") else self.target.partition(":")[0]

    def about(self) -> str:
        """Return the summary, or else the first line of the module's docstring."""
        if self.summary:
            return self.summary
        match = _FIRST_DOC_LINE.match(self.source())
        return match[1].strip() if match else ""

    def load(self) -> Any:
        """Import the target and return the module or its attribute.

        Raises:
            PluginError: The module cannot be imported, or lacks the attribute.
        """
        module_name, _, attribute = self.target.partition(":")
        if self.target.endswith(".py"):
            from lemur_core.sources.load import load_file

            return load_file(Path(self.target))
        from importlib import import_module

        try:
            module = import_module(module_name)
        except ImportError as error:
            raise PluginError(
                f"{self.name!r}: {module_name} cannot be imported: {error}"
            ) from error
        if not attribute:
            return module
        if not hasattr(module, attribute):
            raise PluginError(f"{self.name!r}: {module_name} has no {attribute!r}")
        return getattr(module, attribute)


def _is_value(value: object) -> bool:
    return isinstance(value, bool | str) or (
        isinstance(value, int | float) and math.isfinite(value)
    )


def entries_in(package: str, tasks: Iterable[str] = ()) -> list[Entry]:
    """Return one entry for each module of a package, named after its file, importing none of them.

    Args:
        package: Full name, e.g. ``"lemur_seg.nets"``; files beginning with ``_`` are left out.
        tasks: The tasks that all of them serve.

    Raises:
        PluginError: There is no such package.
    """
    folders = _package_folders(package)
    names = sorted(file.name for folder in folders for file in folder.iterdir())
    stems = [name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")]
    return [Entry(stem, f"{package}.{stem}", tuple(tasks)) for stem in stems]


def entry_of_file(path: Path, tasks: Iterable[str] = ()) -> Entry:
    """Return the entry of a net that is a file of its own; ``_`` in its name becomes ``-``."""
    return Entry(path.stem.replace("_", "-"), str(path.resolve()), tuple(tasks))


def _package_folders(package: str) -> list[Traversable]:
    # Only the top-level package is asked of the import system: finding a submodule would import its
    # parents, and a parent may import torch.
    top, *rest = package.split(".")
    spec = find_spec(top)
    if spec is None or spec.submodule_search_locations is None:
        raise PluginError(f"there is no package {top!r}")
    folders = [_folder(Path(place).joinpath(*rest)) for place in spec.submodule_search_locations]
    found = [folder for folder in folders if folder.is_dir()]
    if not found:
        raise PluginError(f"there is no package {package!r}")
    return found


def _folder(place: Path) -> Traversable:
    """Return a folder, which may be in a zip file."""
    zipped = next((parent for parent in place.parents if parent.is_file()), None)
    if zipped is None:
        return place
    from zipfile import Path as ZipPath

    return ZipPath(zipped, f"{place.relative_to(zipped).as_posix()}/")


def _module_file(module: str, name: str) -> Traversable | None:
    package, _, stem = module.rpartition(".")
    if not package:
        spec = find_spec(stem)
        if spec is None:
            raise PluginError(f"entry {name!r}: there is no module {module!r}")
        return Path(spec.origin) if spec.origin else None
    for folder in _package_folders(package):
        for file in (folder / f"{stem}.py", folder / stem / "__init__.py"):
            if file.is_file():
                return file
    raise PluginError(f"entry {name!r}: there is no module {module!r}")
