"""The two paths of dual path networks."""

import pytest
import torch

from .test_draws import build
from .test_nets import ENTRIES


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        # After each stage, the widths of the residual and the dense path. The dense path starts
        # with three growths and gains one with each further block.
        ("DPN68", [(64, 5 * 16), (128, 6 * 32), (256, 14 * 32), (512, 5 * 64)]),
        ("DPN107", [(256, 6 * 20), (512, 10 * 64), (1024, 22 * 64), (2048, 5 * 128)]),
        ("DPN131", [(256, 6 * 16), (512, 10 * 32), (1024, 30 * 32), (2048, 5 * 128)]),
    ],
)
def test_the_paths_have_the_published_widths(name, stages):
    with torch.device("meta"):
        net = build(name, (64, 64), {})
        x, widths = torch.randn(2, 3, 64, 64), {}
        for layer in net.features:
            x = layer(x)
            # The last map of each size.
            widths[x.shape[2]] = getattr(layer, "residual", None), x.shape[1]
    expected = [(residual, residual + dense) for residual, dense in stages]
    assert [widths[size] for size in (16, 8, 4, 2)] == expected


def test_a_block_adds_to_one_path_and_appends_to_the_other():
    block = ENTRIES["DPN68"].load().DualPath(96, 64, 64, 16, 1, False, 1e-3).eval()
    x = torch.randn(2, 96, 5, 5)
    with torch.inference_mode():
        added = block.branch(x)
        y = block(x)
    assert torch.equal(y[:, :64], x[:, :64] + added[:, :64])
    assert torch.equal(y[:, 64:96], x[:, 64:])
    assert torch.equal(y[:, 96:], added[:, 64:])
