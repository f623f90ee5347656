"""The contract, run on each bad plugin; the core's tests run this file in a process of its own."""

from pathlib import Path

from lemur_core.testing import PluginContract

HALF_RIGHT = [([[2.0, 1.0], [0.0, 3.0], [1.0, 0.5], [0.2, 0.1]], [0, 1, 1, 1], 0.5)]


def prepare_data(self, loader, folder):
    if loader.target.endswith("silent_about_files"):
        (folder / "there").touch()


for file in sorted(Path(__file__).with_name("lemur_bad").glob("[!_]*.py")):
    rule = file.stem
    globals()[f"Test_{rule}"] = type(
        f"Test_{rule}",
        (PluginContract,),
        {
            "plugin": f"lemur_bad.{rule}",
            "metric_cases": {} if rule == "no_case" else {"bad": HALF_RIGHT},
            "prepare_data": prepare_data,
        },
    )
