from lemur_core.testing import PluginContract

# Class 1: the only object has the highest score. Class 2: nothing is found. The third image is
# empty.
LEFT, RIGHT = [0.0, 0, 10, 10], [20.0, 0, 30, 10]
HALF = (
    [
        {"boxes": [LEFT, RIGHT], "labels": [1, 1], "scores": [0.9, 0.8]},
        {"boxes": [LEFT], "labels": [2], "scores": [0.9]},
        {"boxes": [], "labels": [], "scores": []},
    ],
    [
        {"boxes": [LEFT], "labels": [1]},
        {"boxes": [RIGHT], "labels": [2]},
        {"boxes": [], "labels": []},
    ],
    0.5,
)
# The overlap is 60 of 100 pixels, which suffices at 0.5, 0.55 and 0.6 of ten thresholds.
WIDE = ([{"boxes": [[0.0, 0, 10, 6]], "labels": [1], "scores": [0.9]}], [HALF[1][0]])
NETS = ("FCOS", "FCOS-S", "FasterRCNN", "MaskRCNN", "RetinaNet", "SSDLite")
WHY = "how many boxes are left after non-maximum suppression depends on their values"


class TestContract(PluginContract):
    plugin = "lemur_det.plugin"
    not_compiled = not_exported = dict.fromkeys(NETS, WHY)
    metric_cases = {
        "map": [HALF, (*WIDE, 1.0)],
        "map5095": [HALF, (*WIDE, 0.3)],
        "mar": [HALF, (*WIDE, 0.3)],
    }
