"""Entries: what plugins register, a name and the location of the object behind it.

An entry is only text, so listing what is installed imports only the plugin modules.
"""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core.errors import MisfitError, PluginError
from lemur_core.restriction import LIMITS, OPTION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from importlib.resources.abc import Traversable

    from lemur_core.sources.snapshot import Snapshot
    from lemur_core.space import Value

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
# Of a loader, metric or transform in a single file: its name and the digest of its code.
_NAME_OF_FILE = re.compile(rf"{_NAME.pattern}@[0-9a-f]{{8}}")
_FILE_TARGET = re.compile(r"(.*\.py)(?::([A-Za-z_]\w*))?", re.DOTALL)
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z0-9_][\w+-]*)*")
_TARGET = re.compile(rf"{_MODULE.pattern}(:[A-Za-z_]\w*)?")
_NUMBER = re.compile("[1-9][0-9]{0,4}")  # pixels
_DTYPES = ("float32", "complex64")
_FIRST_DOC_LINE = re.compile(r'\s*[rR]?"""\s*([^\n"]+)')


@dataclass(frozen=True, slots=True)
class Entry:
    """One net, loader, transform, metric, estimator, exporter or command of a plugin.

    Attributes:
        name: Short name in the spelling of the literature: letters, digits and ``. + -``. Names of
            transforms and commands may also contain ``_``, which otherwise separates the parts of
            a pipeline's name.
        target: ``"package.module"`` or ``"package.module:attribute"``, imported only when it is
            used. For an entry given as a file, the absolute path of the file, which ends in
            ``.py``, and for entries other than nets the name of an attribute: ``"/a/my.py:load"``.
        tasks: Tasks that the entry serves, for example ``("img-classification",)``; empty means
            any task.
        summary: One line for people.
        min_size: For a net, the minimum height and width of its input in pixels.
        size: For a transform, the height and width of its output; for a loader, those of its
            images; in pixels, None if they vary.
        sizes: For a transform, the smallest and largest ``size`` in which it also exists, as
            ``norm_48`` for ``norm_32``: its name and the attribute in its target contain ``size``.
        dtype: For a net, the type of its input; for a transform, the type of its output:
            ``float32`` or ``complex64``.
        opt_in: Whether the entry is used only on request: a transform if it is named in full or
            matched by a wildcard, a net only if it is named in full.
        demo: Whether ``lemur run`` without arguments uses the entry.
        higher_is_better: For a metric, False if lower values are better, as for errors.
        ready: For a loader, whether nets receive its inputs unchanged, so no transform is
            searched; for a transform, whether it returns its inputs unchanged.
        random: For a transform, whether it draws random numbers in training, or mixes images with
            each other; it is then only searched if it is named in full or matched by a wildcard.
        options: For a loader, names of the options that can be given in brackets, as in
            ``coco[categories=person]``: lower-case words separated by hyphens. An option called
            ``size`` is the height and width of the images.
        prm: For a net, fixed values of some of its hyperparameters, for example ``{"width": 64}``,
            which let many entries share one module.
        image_sizes: For a loader whose images vary in size, ``"package.module:function"``: a
            function that `lemur_core.kinds.loader.ImageSizes` describes, from which lemur derives
            the size of the transforms that it searches.
        code_target: For a net, ``"package.module"``, the module whose text is recorded as its
            code, if it is not the target's: an adapter for the nets of another package names their
            module. If it is in the same top-level package as the target, the modules that it
            imports from there are recorded too.
        snapshot: The code at the time when it was read; None reads the code on every use.
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
    higher_is_better: bool = True
    options: tuple[str, ...] = ()
    prm: Mapping[str, Value] = field(default_factory=dict, hash=False)
    ready: bool = False
    code_target: str | None = None
    random: bool = False
    sizes: tuple[int, int] | None = None
    image_sizes: str | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        is_of_file = self.module is None and _NAME_OF_FILE.fullmatch(self.name)
        if not _NAME.fullmatch(self.name) and not is_of_file:
            raise PluginError(
                f"entry name {self.name!r}: expected letters, digits and . _ + -, "
                "starting with a letter or digit"
            )
        if self.module is not None and not _TARGET.fullmatch(self.target):
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
        self._check_sizes()
        if isinstance(self.tasks, str):
            raise PluginError(
                f"entry {self.name!r}: tasks is the string {self.tasks!r}; "
                f"expected a tuple, ({self.tasks!r},)"
            )
        for name, value in self.prm.items():
            if not _is_value(value):
                raise PluginError(
                    f"entry {self.name!r}: prm {name!r} is {value!r}; expected a string, a bool "
                    "or a finite number"
                )
        for option in self.options:
            if option in LIMITS or not OPTION.fullmatch(option):
                raise PluginError(
                    f"entry {self.name!r}: option {option!r}; expected lower-case letters, digits "
                    f"and hyphens, and none of {', '.join(LIMITS)}"
                )

    def _check_sizes(self) -> None:
        if self.image_sizes is not None and not _TARGET.fullmatch(self.image_sizes):
            raise PluginError(
                f"entry {self.name!r}: image_sizes {self.image_sizes!r} is not "
                "'package.module:function'"
            )
        if self.sizes is None:
            return
        texts = (self.name, self.target.partition(":")[2])
        if not all(str(self.size) in _NUMBER.findall(text) for text in texts):
            raise PluginError(
                f"entry {self.name!r}: has sizes; expected a name and a target with its size, "
                "as in Entry('norm_32', 'package.module:norm_32', size=32, sizes=(8, 1024))"
            )

    def size_in(self, name: str) -> int | None:
        """Return the size that makes this transform's name equal to ``name``; None if none does.

        >>> Entry("norm_32", "transforms:norm_32", size=32, sizes=(8, 1024)).size_in("norm_48")
        48
        """
        if self.sizes is None:
            return None
        numbers = map(int, _NUMBER.findall(name))
        return next((size for size in numbers if self._renamed(self.name, size) == name), None)

    def at_size(self, size: int) -> Entry:
        """Return the entry of this transform at another size, in pixels.

        Raises:
            MisfitError: The transform does not exist at this size.
        """
        assert self.sizes is not None
        name = self._renamed(self.name, size)
        least, most = self.sizes
        if not least <= size <= most:
            raise MisfitError(f"transform {name!r}: size {size}; expected {least} to {most} px")
        module, _, attribute = self.target.partition(":")
        target = f"{module}:{self._renamed(attribute, size)}"
        return replace(self, name=name, target=target, size=size, demo=False)

    def _renamed(self, name: str, size: int) -> str:
        own = str(self.size)
        return _NUMBER.sub(lambda match: str(size) if match[0] == own else match[0], name)

    def serves(self, task: str) -> bool:
        """Return whether the entry serves this task."""
        return not self.tasks or task in self.tasks

    def file(self) -> Traversable | None:
        """Return the source file of the target without importing it; None if it has none.

        The file is a `Path` unless the module is in a zip file on `sys.path`.

        Raises:
            PluginError: The module of the target does not exist.
        """
        if self.module is not None:
            return _module_file(self.module, self.name)
        return Path(_file_target(self.target)[0])

    def code_file(self) -> Traversable | None:
        """Return the source file of the module whose text is recorded, in the form of `file`.

        Raises:
            PluginError: The module does not exist.
        """
        return _module_file(self.code_target, self.name) if self.code_target else self.file()

    def source(self) -> str:
        """Return the text of the target's module."""
        if self.snapshot is not None:
            return self.snapshot.text
        file = self.file()
        return file.read_text(encoding="utf-8") if file else ""

    def code(self) -> str:
        """Return the code of a net as it is recorded: one text that runs by itself.

        The code equals `source` if the module imports nothing from its folder or package.

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
        # Following the imports of another package's net would copy that package.
        top = (self.module or "").partition(".")[0]
        return self.code_target is None or self.code_target.partition(".")[0] == top

    def with_snapshot(self, *, is_net: bool = False) -> Entry:
        """Return the entry with a snapshot of its present code; the entry loads no other code.

        Loading a net without a ``code_target``, or an entry in a single file, runs the text of the
        snapshot. Loading any other entry imports the module, and raises an error if the process
        imported other code of it.

        Raises:
            PluginError: The code cannot be read.
        """
        from lemur_core.sources.snapshot import Snapshot, digest_of

        if self.module is None or (is_net and self.code_target is None):
            return replace(self, snapshot=Snapshot(self.code()))
        try:
            digests = [(module, digest_of(self._content(module))) for module in self._modules]
            text = self.code() if is_net else self.source()
        except (OSError, UnicodeDecodeError) as error:
            raise PluginError(f"the code of {self.name!r} cannot be read: {error}") from error
        return replace(self, snapshot=Snapshot(text, tuple(digests)))

    @property
    def _modules(self) -> list[str]:
        """Names of the modules that are imported to load the entry, unless its text is run."""
        return list(filter(None, (self.module, self.code_target)))

    def _content(self, module: str) -> bytes:
        file = _module_file(module, self.name)
        return file.read_bytes() if file else b""

    def recipe(self) -> str | None:
        """Return the identity of the code that trains a net and is not part of `code`.

        The identity is that of `lemur_core.sources.recipe.recipe_of`; None if `code` contains all
        of the code that trains the net.

        Raises:
            PluginError: The code of the net cannot be read.
        """
        from lemur_core.sources.recipe import recipe_of

        attribute = self.attribute if self.module else ""
        adapter = self.module if self.code_target is not None else None
        return recipe_of(self.code(), attribute or "Net", adapter)

    def unrecorded(self, imported: Collection[str]) -> list[str]:
        """Return descriptions of what a loaded net uses and `code` does not contain.

        Args:
            imported: Names of the modules that loading the net added to `sys.modules`.
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
        """The name of the target's module; None if the target is a file."""
        return None if _file_target(self.target)[0] else self.target.partition(":")[0]

    @property
    def attribute(self) -> str:
        """The name of the target in its module or file; empty if it is the module itself."""
        file, attribute = _file_target(self.target)
        return attribute if file else self.target.partition(":")[2]

    def about(self) -> str:
        """Return the summary, or the first line of the module's docstring if there is none."""
        if self.summary:
            return self.summary
        match = _FIRST_DOC_LINE.match(self.source())
        return match[1].strip() if match else ""

    def load(self) -> Any:
        """Import the target and return the module or its attribute.

        Raises:
            PluginError: The module cannot be imported, or does not have the attribute.
            CodeChangedError: The module was edited after it was read.
        """
        attribute = self.attribute
        module = self._imported() if self.module else self._run_file()
        if not attribute:
            return module
        if not hasattr(module, attribute):
            place = self.module or _file_target(self.target)[0]
            raise PluginError(f"{self.name!r}: {place} has no {attribute!r}")
        return getattr(module, attribute)

    def _run_file(self) -> Any:
        from lemur_core.sources.load import load_file

        file = Path(_file_target(self.target)[0])
        return load_file(file, self.snapshot.text if self.snapshot else None)

    def _imported(self) -> Any:
        module, snapshot = self.module, self.snapshot
        assert module is not None
        try:
            if snapshot and not snapshot.digests:
                from lemur_core.sources.load import load_module

                return load_module(module, Path(str(self.file())), snapshot.text)
            from lemur_core.sources.snapshot import check_imported, import_noted

            modules = {name: import_noted(name, self._content) for name in self._modules}
        except PluginError:
            raise
        except ImportError as error:
            raise PluginError(f"{self.name!r}: {module} cannot be imported: {error}") from error
        if snapshot:
            check_imported(self.name, snapshot)
        return modules[module]


def _file_target(target: str) -> tuple[str, str]:
    """Return the file and the attribute of a target that is a file; empty texts for a module."""
    match = _FILE_TARGET.fullmatch(target)
    if match is None or (match[2] and not os.path.isabs(match[1])):
        return "", ""
    return match[1], match[2] or ""


def _is_value(value: object) -> bool:
    return isinstance(value, bool | str) or (
        isinstance(value, int | float) and math.isfinite(value)
    )


def entries_in(package: str, tasks: Iterable[str] = ()) -> list[Entry]:
    """Return an entry for each module of a package, named after its file, without importing it.

    Args:
        package: Full name of the package, for example ``"lemur_seg.nets"``; files whose names
            start with ``_`` are left out.
        tasks: The tasks that all entries serve.

    Raises:
        PluginError: The package does not exist.
    """
    folders = _package_folders(package)
    names = sorted(file.name for folder in folders for file in folder.iterdir())
    stems = [name[:-3] for name in names if name.endswith(".py") and not name.startswith("_")]
    return [Entry(stem, f"{package}.{stem}", tuple(tasks)) for stem in stems]


def entry_of_file(path: Path, tasks: Iterable[str] = ()) -> Entry:
    """Return the entry of a net in a file, named after the file with ``-`` instead of ``_``."""
    return Entry(path.stem.replace("_", "-"), str(path.resolve()), tuple(tasks))


def _package_folders(package: str) -> list[Traversable]:
    # The import system only looks up the top-level package: finding a submodule would import its
    # parents, and a parent may import torch.
    top, *subpackages = package.split(".")
    spec = find_spec(top)
    if spec is None or spec.submodule_search_locations is None:
        raise PluginError(f"there is no package {top!r}")
    folders = [
        folder
        for location in spec.submodule_search_locations
        if (folder := _folder(Path(location).joinpath(*subpackages))).is_dir()
    ]
    if not folders:
        raise PluginError(f"there is no package {package!r}")
    return folders


def _folder(path: Path) -> Traversable:
    """Return a folder, which may be in a zip file."""
    archive = next((parent for parent in path.parents if parent.is_file()), None)
    if archive is None:
        return path
    from zipfile import Path as ZipPath

    return ZipPath(archive, f"{path.relative_to(archive).as_posix()}/")


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
