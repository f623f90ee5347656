from lemur_core.testing import PluginContract

# Two classes, an image of 1x4 pixels: given 0, 0, 1, 1 where 0, 1, 1 and nothing are true.
OUTPUTS = [[[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 1.0]]]]
TARGETS = [[[0, 1, 1, -100]]]


class TestContract(PluginContract):
    plugin = "lemur_seg.plugin"
    metric_cases = {
        # Of either class one pixel fits, of two that are its or were given it.
        "iou": [(OUTPUTS, TARGETS, 1 / 2)],
        "dice": [(OUTPUTS, TARGETS, 2 / 3)],
        "pixacc": [(OUTPUTS, TARGETS, 2 / 3)],
    }
