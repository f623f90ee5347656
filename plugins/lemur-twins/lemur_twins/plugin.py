"""The entries of lemur-twins. This module imports no framework."""

from collections.abc import Iterator

from lemur_core import Entry, Kind, hookimpl
from lemur_twins.frameworks import FRAMEWORKS
from lemur_twins.twin import TASK
from lemur_twins.twins import TWINS


@hookimpl
def lemur_register_kinds() -> list[Kind]:
    return [
        Kind(
            "twin",
            "lemur_register_twins",
            "lemur_twins.twin",
            "The same net in several frameworks",
            details="lemur_twins.twin:details",
            rules="lemur_twins.testing:TwinRules",
            scaffold="lemur_twins.scaffold",
        )
    ]


@hookimpl
def lemur_register_twins() -> list[Entry]:
    return [
        Entry(name, f"lemur_twins.twins:{name.replace('-', '_')}", summary=nets.summary)
        for name, nets in TWINS.items()
    ]


@hookimpl
def lemur_register_nets() -> list[Entry]:
    return list(_nets())


def _nets() -> Iterator[Entry]:
    for nets in TWINS.values():
        for framework, name in nets.twin.nets.items():
            backend = {"framework": framework} if FRAMEWORKS[framework].backend == "keras" else {}
            # Alone, each is only one of a twin.
            yield Entry(
                name,
                nets.target(framework),
                (TASK,),
                f"{nets.summary}, in {FRAMEWORKS[framework].title}",
                min_size=nets.min_size,
                opt_in=True,
                prm=dict(nets.prm) | backend,
            )


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Compare the nets of twins, and list where frameworks differ."
    return [Entry("twins", "lemur_twins.cli.group:twins", summary=summary)]
