from lemur_core.composition import demo
from lemur_core.registry import installed


def test_without_plugins_of_other_tasks_the_demo_is_a_small_net_on_embedded_scenes(monkeypatch):
    monkeypatch.setenv("LEMUR_DISABLE_PLUGINS", "vision-cls,det")
    installed.cache_clear()
    [pipeline] = demo(installed())
    installed.cache_clear()
    assert pipeline.name == "img-segmentation_digits-scenes_iou_UNet-S"
    assert list(pipeline.transforms) == ["resize_64"]
