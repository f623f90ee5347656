from lemur_core.testing import PluginContract

# Two classes and an image of 1x4 pixels: 0, 0, 1, 1 predicted, and 0, 1, 1 and ignored true.
OUTPUTS = [[[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]]]
TARGETS = [[[0, 1, 1, -100]]]


class TestContract(PluginContract):
    plugin = "lemur_seg.plugin"
    # Capturing a graph takes by far the longest of all rules.
    not_compiled = not_exported = {
        name: f"it is {other} with 101 layers for 50; that one is compiled and exported"
        for name, other in {"DeepLabV3-2": "DeepLabV3-1", "FCN32s-2": "FCN32s-1"}.items()
    }
    metric_cases = {
        # In each class, one pixel is correct, of two that are true or predicted.
        "iou": [(OUTPUTS, TARGETS, 1 / 2)],
        "dice": [(OUTPUTS, TARGETS, 2 / 3)],
        "pixacc": [(OUTPUTS, TARGETS, 2 / 3)],
    }
