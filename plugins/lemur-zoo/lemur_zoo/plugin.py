"""Registration of lemur-zoo's entries. This module imports neither torch nor numba."""

from lemur_core import Entry, hookimpl


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Make and read model zoos: populations of nets with the weights of every epoch."
    return [Entry("zoo", "lemur_zoo.cli.group:zoo", summary=summary)]


@hookimpl
def lemur_register_nets() -> list[Entry]:
    # Alone, it is ResNet with another stem.
    tasks = ("img-classification",)
    return [Entry("ResNet-18", "lemur_zoo.architectures.nets.ResNet-18", tasks, opt_in=True)]


@hookimpl
def lemur_register_importers() -> list[Entry]:
    summary = "Zoos: each member is a trial of the collection with the zoo's name"
    return [Entry("zoo", "lemur_zoo.records", summary=summary)]


@hookimpl(optionalhook=True)
def lemur_register_papers() -> list[Entry]:
    summary = "Schürholt et al. 2022: Model Zoos, from zoos of your own"
    return [Entry("model-zoos", "lemur_zoo.paper.claims:claims", summary=summary)]
