"""The metadata of all distributions is consistent and matches their content."""

import re
import tomllib
from pathlib import Path
from pkgutil import iter_modules
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
CORE = tomllib.loads((ROOT / "pyproject.toml").read_text())
PLUGINS = sorted((ROOT / "plugins").iterdir())


def metadata(folder):
    return tomllib.loads((folder / "pyproject.toml").read_text())


@pytest.fixture(params=PLUGINS, ids=lambda folder: folder.name)
def plugin(request):
    return request.param


def test_plugin_is_named_after_its_folder_and_has_the_usual_files(plugin):
    project = metadata(plugin)["project"]
    package = plugin.name.replace("-", "_")
    assert project["name"] == plugin.name
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "tests/test_contract.py"):
        assert (plugin / name).is_file(), name
    [(short, target)] = project["entry-points"]["lemur_core"].items()
    assert plugin.name == f"lemur-{short}"
    assert target == f"{package}.plugin"
    assert (plugin / package / "plugin.py").is_file()


def test_plugin_has_python_version_licence_and_build_of_the_core(plugin):
    core, project = CORE["project"], metadata(plugin)["project"]
    assert metadata(plugin)["build-system"] == CORE["build-system"]
    for key in ("requires-python", "license", "license-files", "readme"):
        assert project[key] == core[key], key
    assert (plugin / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_plugin_pyproject_has_no_tool_settings(plugin):
    assert set(metadata(plugin)) == {"build-system", "project", "tool"}
    assert set(metadata(plugin)["tool"]) == {"hatch"}


def test_plugin_depends_on_the_core_version_of_the_repository(plugin):
    [needed] = [
        dependency
        for dependency in metadata(plugin)["project"]["dependencies"]
        if dependency.startswith("lemur-core")
    ]
    major, minor, _ = CORE["project"]["version"].split(".")
    assert needed == f"lemur-core>={major}.{minor}"


@pytest.mark.parametrize(
    ("file", "core", "end"),
    [("requirements.txt", ".[formats]", ""), ("requirements-dev.txt", "-e .[dev]", "[tests]")],
)
def test_commands_of_the_readme_install_everything(file, core, end):
    assert f"pip install -r {file} && " in (ROOT / "README.md").read_text()
    lines = [line for line in (ROOT / file).read_text().splitlines() if not line.startswith("#")]
    flag = core.partition(".")[0]
    plugins = [f"{flag}./plugins/{folder.name}{end}" for folder in PLUGINS]
    assert lines[:2] == ["-c constraints.txt", core]
    assert sorted(lines[2:]) == plugins


def test_changelogs_start_with_unreleased_and_the_version():
    for folder in (ROOT, *PLUGINS):
        headings = re.findall(r"^## (\S+)", (folder / "CHANGELOG.md").read_text(), re.MULTILINE)
        assert headings[:2] == ["Unreleased", metadata(folder)["project"]["version"]], folder.name


def test_citation_has_the_version():
    [version] = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert version == CORE["project"]["version"]


def test_types_and_imports_of_all_packages_are_checked():
    packages = ["lemur_core", *(folder.name.replace("-", "_") for folder in PLUGINS)]
    assert CORE["tool"]["mypy"]["packages"] == packages
    assert CORE["tool"]["importlinter"]["root_packages"] == packages
    assert CORE["tool"]["coverage"]["run"]["source_pkgs"] == packages


@pytest.mark.parametrize("folder", [ROOT, *PLUGINS], ids=lambda folder: folder.name)
def test_wheel_contains_py_typed(folder, tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    [wheel] = WheelBuilder(str(folder)).build(directory=str(tmp_path), versions=["standard"])
    package = metadata(folder)["project"]["name"].replace("-", "_")
    names = set(ZipFile(wheel).namelist())
    templates = {file.relative_to(folder) for file in (folder / package).rglob("*.tmpl")}
    assert {template.as_posix() for template in templates} <= names
    assert templates or package not in ("lemur_core", "lemur_spaces", "lemur_twins")
    assert f"{package}/plugin.py" in names
    assert f"{package}/py.typed" in names


def test_constraints_pin_all_dependencies_and_name_no_index():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if not line.startswith("#")}
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines if not line.startswith("#"))
    needed = {
        re.match(r"[\w-]+", dependency)[0].lower()
        for folder in (ROOT, *PLUGINS)
        for dependencies in (
            metadata(folder)["project"]["dependencies"],
            *metadata(folder)["project"].get("optional-dependencies", {}).values(),
        )
        for dependency in dependencies
    }
    assert {name for name in needed if not name.startswith("lemur-")} <= pinned


def test_core_modules_are_public_or_forbidden_to_plugins():
    # The public modules are those in the docstring of lemur_core.
    public = {
        "code", "code_facts", "commands", "errors", "fetch", "files", "images", "kinds", "labels",
        "options", "pretrained", "processes", "tables", "testing", "toml_file", "training",
        "workbooks",
    }  # fmt: skip
    contracts = CORE["tool"]["importlinter"]["contracts"]
    [rule] = [
        contract
        for contract in contracts
        if contract["name"] == "Plugins use the public interface only"
    ]
    forbidden = {name.partition(".")[2] for name in rule["forbidden_modules"]}
    modules = iter_modules([str(ROOT / "lemur_core")])
    there = {module.name for module in modules if module.name != "__main__"}
    assert public | forbidden == there
    assert not public & forbidden
    documented = (ROOT / "lemur_core" / "__init__.py").read_text().partition("Everything else")[0]
    assert {name for name in there if f"`lemur_core.{name}`" in documented} == public
