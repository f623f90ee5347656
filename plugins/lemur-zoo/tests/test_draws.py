"""Orders and dropout are those of the published generator, and look random."""

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from lemur_zoo import draws

LEAST_P = 1e-3


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        # The known answers that the authors publish with the generator (Random123, kat_vectors).
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, words):
    assert " ".join(f"{word:08x}" for word in draws.philox(counter, key)) == words


@pytest.mark.parametrize("samples", [0, 1, 2, 7, 64, 1000])
def test_an_order_holds_each_sample_once(samples):
    assert sorted(draws.order(3, 1, samples)) == list(range(samples))


def test_each_order_of_four_samples_is_equally_probable():
    orders = [tuple(draws.order(seed, 1, 4)) for seed in range(4800)]
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert chisquare(counts).pvalue > LEAST_P


def test_each_sample_is_equally_probable_at_each_position():
    orders = np.array([draws.order(seed, 2, 50) for seed in range(2000)])
    for position in (0, 1, 25, 49):
        assert chisquare(np.bincount(orders[:, position], minlength=50)).pvalue > LEAST_P / 4


@pytest.mark.parametrize(
    "others",
    [
        [(seed, 1) for seed in range(1, 31)],
        [(0, epoch) for epoch in range(2, 32)],
        [(seed << 32, 1) for seed in range(1, 31)],
        [(-seed, 1) for seed in range(1, 31)],
    ],
    ids=["seeds", "epochs", "upper halves", "negative seeds"],
)
def test_neighbouring_orders_and_masks_are_uncorrelated(others):
    samples = 4000
    first = draws.order(0, 1, samples)
    orders = [np.corrcoef(first, draws.order(*other, samples))[0, 1] for other in others]
    # Under independence, a coefficient is normal with standard deviation 1 / sqrt(n).
    assert kstest(np.array(orders) * np.sqrt(samples), "norm").pvalue > LEAST_P
    mask = draws.dropout(0, 1, 0, np.arange(4), 1000, 0.5).ravel()
    masks = [draws.dropout(*other, 0, np.arange(4), 1000, 0.5).ravel() for other in others]
    masks = [np.corrcoef(mask, other)[0, 1] for other in masks]
    assert kstest(np.array(masks) * np.sqrt(samples), "norm").pvalue > LEAST_P


@pytest.mark.parametrize("seed", [-(2**63), -1, 0, 2**63 - 1, 2**64 - 1])
def test_any_64_bit_integer_is_a_seed(seed):
    assert sorted(draws.order(seed, 1, 9)) == list(range(9))


def test_a_signed_seed_is_the_unsigned_one_of_the_same_bits():
    np.testing.assert_array_equal(draws.order(-1, 1, 99), draws.order(2**64 - 1, 1, 99))
    assert (draws.order(1, 1, 99) != draws.order(1 + 2**32, 1, 99)).any()


@pytest.mark.parametrize("probability", [0.1, 0.3, 0.5])
def test_dropout_has_the_given_share_of_zeros_everywhere(probability):
    masks = draws.dropout(5, 3, 1, np.arange(2000), 10, probability)
    zeros = (masks == 0).sum(axis=0)
    for count in (*zeros, zeros.sum() / 10):
        expected = np.array([probability, 1 - probability]) * 2000
        assert chisquare([count, 2000 - count], expected).pvalue > LEAST_P / 11
    assert np.unique(masks) == pytest.approx([0, 1 / (1 - probability)])


def test_dropout_of_nothing_and_of_everything():
    assert (draws.dropout(5, 1, 0, np.arange(3), 50, 0.0) == 1).all()
    assert (draws.dropout(5, 1, 0, np.arange(3), 50, 1.0) == 0).all()


def test_masks_differ_between_layers_samples_and_epochs():
    masks = [
        draws.dropout(5, epoch, layer, np.array([position]), 64, 0.5).tobytes()
        for epoch in (1, 2)
        for layer in (0, 1)
        for position in (0, 1)
    ]
    assert len(set(masks)) == 8
