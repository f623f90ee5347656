"""Registration of lemur-spaces' entries. This module imports neither torch nor pandas."""

from lemur_core import Entry, Kind, hookimpl

TASKS = ("img-classification",)


@hookimpl
def lemur_register_kinds() -> list[Kind]:
    return [
        Kind(
            "space",
            "lemur_register_spaces",
            "lemur_spaces.space",
            "A design space: a net, and how its designs are drawn",
            details="lemur_spaces.space:details",
            rules="lemur_spaces.rules:SpaceRules",
            scaffold="lemur_spaces.scaffold",
        )
    ]


@hookimpl
def lemur_register_spaces() -> list[Entry]:
    return [
        Entry(name, f"lemur_spaces.{target}", summary=summary)
        for name, target, summary in (
            (
                "AnyNetX",
                "anynet:SPACE",
                "Four stages of residual bottlenecks, each drawn for itself",
            ),
            ("CNN-10", "cnn:SPACE", "One to ten plain convolutions"),
            ("RegNetX", "regnet:REGNET_X", "AnyNets whose widths lie on a quantised line"),
            ("RegNetY", "regnet:REGNET_Y", "RegNetX with squeeze-and-excitation"),
        )
    ]


@hookimpl
def lemur_register_nets() -> list[Entry]:
    # They are nets of studies: alone, each is only one design of its space.
    return [
        Entry("AnyNet", "lemur_spaces.nets.AnyNet", TASKS, opt_in=True),
        Entry("CNN-10", "lemur_spaces.nets.CNN-10", TASKS, opt_in=True),
    ]


@hookimpl
def lemur_register_commands() -> list[Entry]:
    summary = "Sample design spaces, and train their nets on several datasets."
    return [Entry("spaces", "lemur_spaces.cli.group:spaces", summary=summary)]


@hookimpl(optionalhook=True)
def lemur_register_papers() -> list[Entry]:
    summary = "Tuggener et al. 2022: ImageNet as a basis for choosing nets"
    return [Entry("representativeness", "lemur_spaces.paper:claims", summary=summary)]
