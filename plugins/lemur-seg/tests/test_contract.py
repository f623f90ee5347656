from lemur_core.testing import PluginContract

# Two classes, an image of 1x4 pixels: given 0, 0, 1, 1 where 0, 1, 1 and nothing are true.
OUTPUTS = [[[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]]]
TARGETS = [[[0, 1, 1, -100]]]


class TestContract(PluginContract):
    plugin = "lemur_seg.plugin"
    # Capturing a graph takes by far the most time of all rules.
    not_compiled = not_exported = {
        name: f"it is {other} with 101 layers for 50; that one is compiled and exported"
        for name, other in {"DeepLabV3-2": "DeepLabV3-1", "FCN32s-2": "FCN32s-1"}.items()
    }
    metric_cases = {
        # Of either class one pixel fits, of two that are its or were given it.
        "iou": [(OUTPUTS, TARGETS, 1 / 2)],
        "dice": [(OUTPUTS, TARGETS, 2 / 3)],
        "pixacc": [(OUTPUTS, TARGETS, 2 / 3)],
    }
