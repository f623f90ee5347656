import json
import subprocess
import sys

import pytest

from lemur_core.composition import compose, demo
from lemur_core.pattern import Pattern
from lemur_core.registry import Registry
from lemur_vision_cls import plugin

HEAVY = {"numpy", "sklearn", "torch", "torchmetrics", "torchvision"}
AT_32, AT_64 = ({f"norm_{size}", f"echo_{size}"} for size in (32, 64))
LIST = """
import json, sys
from lemur_vision_cls import plugin
for kind in ("nets", "loaders", "transforms", "metrics"):
    assert getattr(plugin, f"lemur_register_{kind}")()
print(json.dumps(sorted(sys.modules)))
"""


class Source:
    name = "vision-cls"

    def load(self):
        return plugin


@pytest.fixture(scope="module")
def registry():
    """Return a registry of only this plugin."""
    registry = Registry()
    registry.add(Source())
    assert not registry.failures
    return registry


def test_listing_entries_imports_nothing_heavy():
    listed = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    assert not HEAVY & set(json.loads(listed.stdout))


@pytest.mark.parametrize(
    ("dataset", "net", "transforms"),
    [
        ("digits", "AlexNet", AT_64),
        ("digits", "ResNet", AT_32),
        ("mnist", "AlexNet", AT_64),
        ("mnist-10k", "SqueezeNet-1", AT_32),
    ],
)
def test_a_net_gets_images_of_its_minimum_size(registry, dataset, net, transforms):
    [pipeline] = compose(registry, [Pattern.parse(f"img-classification_{dataset}_acc_{net}")])
    assert set(pipeline.transforms) == transforms


def test_named_transforms_have_any_size(registry):
    [pipeline] = compose(
        registry, [Pattern.parse("img-classification_digits_acc_ResNet")], ["norm_48", "echo_33"]
    )
    assert {entry.size for entry in pipeline.transforms.values()} == {48, 33}


def test_the_demo_trains_on_the_embedded_digits_at_32_px(registry):
    pipelines = demo(registry)
    assert {pipeline.dataset for pipeline in pipelines} == {"digits"}
    assert {name for pipeline in pipelines for name in pipeline.transforms} == {"norm_32"}
    nets = {pipeline.net for pipeline in pipelines}
    assert nets == {"ShuffleNet", "SqueezeNet-1", "SqueezeNet-2"}
