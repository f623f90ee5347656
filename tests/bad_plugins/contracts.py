"""The contract tests of each bad plugin, which the core's tests run in a separate process."""

from pathlib import Path

from lemur_core.testing import PluginContract

OUTPUTS, TARGETS = [[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 1]
HALF_RIGHT = {"bad": [(OUTPUTS, TARGETS, 0.5)]}
# The metrics without a case, or with one that no correct metric can meet.
CASES = {"no_case": {}, "above_one": {"bad": [(OUTPUTS, TARGETS, 2.0)]}}


def prepare_data(self, loader, folder):
    if loader.target.endswith("silent_about_files"):
        (folder / "there").touch()


def importer_place(self, importer, folder):
    place = folder / "bad.scores"
    place.write_text("0.5 0.75")
    return place


for file in sorted(Path(__file__).with_name("lemur_bad").glob("[!_]*.py")):
    rule = file.stem
    globals()[f"Test_{rule}"] = type(
        f"Test_{rule}",
        (PluginContract,),
        {
            "plugin": f"lemur_bad.{rule}",
            "metric_cases": CASES.get(rule, HALF_RIGHT),
            "prepare_data": prepare_data,
        }
        # The author has not written any.
        | ({} if rule == "no_place" else {"importer_place": importer_place}),
    )
