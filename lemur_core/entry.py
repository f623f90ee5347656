"""What a plugin registers: a name, and where the object behind it lives.

An entry is text only, so that listing what is installed imports nothing but the plugin modules.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import PluginError
from lemur_core.restriction import LIMITS, OPTION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from importlib.resources.abc import Traversable

    from lemur_core.sources.snapshot import Snapshot
    from lemur_core.space import Value

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z0-9_][\w+-]*)*")
_TARGET = re.compile(rf"{_MODULE.pattern}(:[A-Za-z_]\w*)?")
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
        opt_in: Whether it is taken only where it is asked for: a transform by its name or a
            wildcard, a net by its name in full.
        demo: Whether ``lemur run`` without arguments uses it.
        ready: For a loader, whether nets are given its inputs as they are, so that no transform is
            searched; for a transform, whether it gives them so.
        options: For a loader, names of what may be said of it in brackets,
            ``coco[categories=person]``; in small letters, words separated by hyphens. One called
            ``size`` is the images' height and width.
        prm: For a net, values of some of its hyperparameters that are fixed, ``{"width": 64}``,
            so that many entries can share one module.
        code_target: For a net, ``"package.module"``, the module whose text is recorded as its code
            where that is not the target's: an adapter of nets of another package names theirs.
            Other modules are recorded with it where it is in the target's own package.
        snapshot: Its code at the moment when it was read; None reads it whenever it is asked for.
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
    ready: bool = False
    code_target: str | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)

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
        if self.code_target is not None and not _MODULE.fullmatch(self.code_target):
            raise PluginError(
                f"entry {self.name!r}: code_target {self.code_target!r} is not 'package.module'"
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

    def code_file(self) -> Traversable | None:
        """Return the source file of the module whose text is recorded, as `file` does.

        Raises:
            PluginError: That module is not there.
        """
        return _module_file(self.code_target, self.name) if self.code_target else self.file()

    def source(self) -> str:
        """Return the text of the target's module."""
        if self.snapshot is not None:
            return self.snapshot.text
        file = self.file()
        return file.read_text(encoding="utf-8") if file else ""

    def code(self) -> str:
        """Return a net's code in the dataset: all of it, as one text that runs by itself.

        It is `source` where the module imports none of its own folder or package.

        Raises:
            PluginError: The code cannot be read.
        """
        from lemur_core.sources.complete import complete

        if self.snapshot is not None:
            return self.snapshot.text
        file = self.code_file()
        try:
            if isinstance(file, Path) and self._is_own_code:
                return complete(file, self.code_target or self.module)
            return file.read_text(encoding="utf-8") if file else ""
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"the code of {self.name!r} cannot be read: {error}") from error

    @property
    def _is_own_code(self) -> bool:
        # All that a net of another package imports from there would be a copy of that package.
        top = (self.module or "").partition(".")[0]
        return self.code_target is None or self.code_target.partition(".")[0] == top

    def as_read(self, *, is_net: bool = False) -> Entry:
        """Return the entry with its code as it is at this moment, which is all that it loads.

        Loading a net runs that text. Loading anything else, and a net with a ``code_target``,
        imports the module, and raises where the process imported another text of it.

        Raises:
            PluginError: The code cannot be read.
        """
        from lemur_core.sources.snapshot import Snapshot, digest_of

        if is_net and self.code_target is None:
            return replace(self, snapshot=Snapshot(self.code()))
        try:
            digests = [(module, digest_of(self._content(module))) for module in self._modules]
            text = self.code() if is_net else self.source()
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"the code of {self.name!r} cannot be read: {error}") from error
        return replace(self, snapshot=Snapshot(text, tuple(digests)))

    @property
    def _modules(self) -> list[str]:
        """The names of the modules that are imported to load the entry, if it is not run."""
        return list(filter(None, (self.module, self.code_target)))

    def _content(self, module: str) -> bytes:
        file = _module_file(module, self.name)
        return file.read_bytes() if file else b""

    def recipe(self) -> str | None:
        """Return the identity of the code that trains a net and is not part of `code`.

        It is that of `lemur_core.sources.recipe.recipe_of`; None where all of it is in `code`.

        Raises:
            PluginError: The net's code cannot be read.
        """
        from lemur_core.sources.recipe import recipe_of

        attribute = self.target.partition(":")[2] if self.module else ""
        adapter = self.module if self.code_target is not None else None
        return recipe_of(self.code(), attribute or "Net", adapter)

    def unrecorded(self, imported: Collection[str]) -> list[str]:
        """Return what a net that was loaded uses and `code` lacks, a few words for each.

        Args:
            imported: The names of the modules that loading it added to `sys.modules`.
        """
        from lemur_core.sources.unrecorded import imports_its_package, unrecorded

        file = self.file()
        if file is None or self.code_target is not None:
            return []
        if isinstance(file, Path):
            return list(dict.fromkeys(unrecorded(file, self.module, imported)))
        if not imports_its_package(self.source(), self.module or ""):
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
            CodeChangedError: The module was edited since it was read.
        """
        attribute = self.target.partition(":")[2] if self.module else ""
        found = self._imported() if self.module else self._run_file()
        if not attribute:
            return found
        if not hasattr(found, attribute):
            raise PluginError(f"{self.name!r}: {self.module} has no {attribute!r}")
        return getattr(found, attribute)

    def _run_file(self) -> Any:
        from lemur_core.sources.load import load_file

        return load_file(Path(self.target), self.snapshot.text if self.snapshot else None)

    def _imported(self) -> Any:
        module, snapshot = self.module, self.snapshot
        assert module is not None
        try:
            if snapshot and not snapshot.digests:
                from lemur_core.sources.load import load_module

                return load_module(module, Path(str(self.file())), snapshot.text)
            from lemur_core.sources.snapshot import check_imported, import_noted

            found = {one: import_noted(one, self._content) for one in self._modules}
        except PluginError:
            raise
        except ImportError as error:
            raise PluginError(f"{self.name!r}: {module} cannot be imported: {error}") from error
        if snapshot:
            check_imported(self.name, snapshot)
        return found[module]


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
