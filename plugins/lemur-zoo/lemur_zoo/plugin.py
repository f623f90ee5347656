"""Registration of lemur-zoo's entries. This module imports neither torch nor numba."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Make and read model zoos: populations of nets with the weights of every epoch."
    return [Entry("zoo", "lemur_zoo.cli.group:zoo", summary=summary)]


@hookimpl
def lemur_register_importers() -> list[Entry]:
    summary = "Zoos: each member is a trial of the collection with the zoo's name"
    return [Entry("zoo", "lemur_zoo.records", summary=summary)]
