"""Where two nets part: a net and its copy, of which one is changed."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch

from lemur_twins.conventions import CONVENTIONS
from lemur_twins.divergence.causes import _CHANGES, explain
from lemur_twins.divergence.parting import UNITS, differences, first_parting
from lemur_twins.divergence.sides import Quantity
from lemur_twins.nets.pytorch.MLP import Net as MLP
from lemur_twins.nets.pytorch.VGG import Net as VGG
from lemur_twins.parity import batch_for
from lemur_twins.twins import TWINS

PRM = {
    "optimizer": "sgd",
    "lr": 0.05,
    "momentum": 0.9,
    "weight_decay": 0.0,
    "scheduler": "constant",
    "activation": "relu",
    "width": 16,
}
VGG_PRM = PRM | {"stages": "1-1-2", "width": 4, "hidden": 8, "norm": "batch"}


def batches(count):
    return [batch_for(TWINS["MLP"].twin, 8, seed) for seed in range(count)]


def pair(change=None, net=MLP, **prm):
    """Return a net and its copy, which ``change`` changes before they are set up."""
    torch.manual_seed(0)
    settings = (VGG_PRM if net is VGG else PRM) | prm
    first = net((1, 1, 8, 8), (10,), settings, "cpu")
    other = deepcopy(first)
    if change is not None:
        change(other)
    first.train_setup(settings)
    other.train_setup(settings | getattr(other, "prm", {}))
    return SimpleNamespace(torch=first, other=other, prm=settings)


def with_prm(**prm):
    return lambda net: setattr(net, "prm", prm)


def changed(name, by):
    def change(net):
        with torch.no_grad():
            net.get_parameter(name).view(-1)[0].add_(by)

    return change


@pytest.mark.parametrize("net", [MLP, VGG])
def test_a_net_and_its_copy_do_not_part(net):
    apart = [*differences(pair(net=net), batches(3))]
    assert {difference.apart for difference in apart} == {0}
    assert {difference.step for difference in apart} == {1, 2, 3}
    kinds = {difference.quantity.kind for difference in apart}
    assert kinds == {"output", "loss", "gradient", "weight"} | (
        {"statistic"} if net is VGG else set()
    )


def test_quantities_are_in_the_order_of_computation():
    apart = [*differences(pair(), batches(1))]
    names = [str(difference.quantity) for difference in apart]
    assert names[:6] == [
        "output of linear1", "output of norm1", "output of linear2", "output of norm2",
        "output of linear3", "loss",
    ]  # fmt: skip
    assert names[6] == "gradient of linear3.bias"
    assert names[-1] == "weight of linear3.bias"
    assert [difference.place for difference in apart] == [*range(len(apart))]


@pytest.mark.parametrize(
    ("change", "step", "quantity"),
    [
        (changed("linear2.weight", 0.01), 1, ("output", "linear2")),
        (changed("linear1.bias", 1e-3), 1, ("output", "linear1")),
        (with_prm(lr=0.0501), 1, ("weight", "linear1.weight")),
        (with_prm(momentum=0.8), 2, ("weight", "linear1.weight")),
        (changed("linear3.weight", float("nan")), 1, ("output", "linear3")),
    ],
)
def test_nets_part_at_the_first_quantity_that_differs(change, step, quantity):
    parting, before = first_parting(pair(change), batches(3))
    assert (parting.step, parting.quantity) == (step, Quantity(*quantity))
    assert parting.is_beyond_noise
    assert before is None or before.units < UNITS


def test_float_noise_is_no_parting():
    parting, largest = first_parting(pair(changed("linear2.weight", 1e-8)), batches(2))
    assert parting is None
    assert largest.units < UNITS


def test_the_learning_rate_changes_after_an_epoch():
    schedule = {"scheduler": "exponential", "gamma": 0.5}
    constant = with_prm(scheduler="constant")
    parting, _ = first_parting(pair(constant, **schedule), batches(4), epoch_ends=[2])
    assert parting.step == 3
    assert parting.quantity.kind == "weight"


def test_comparing_leaves_running_statistics_as_training_does():
    compared, trained = pair(net=VGG), pair(net=VGG).torch
    first_parting(compared, batches(2))
    trained.train()
    for batch in batches(2):
        trained.train_batch(*batch)
    for name, array in trained.arrays().items():
        assert (compared.torch.arrays()[name] == array).all()


def pair_of(sizes):
    """Return a function that builds pairs in which unmatched conventions change the step."""

    def pair_with(match):
        pair_with.built.append(match)
        names = [name for name in sizes if name not in match.split("+")]
        own = {name: value for at in names for name, value in sizes[at].items()}
        return pair(with_prm(**own))

    pair_with.built = []
    return pair_with


def causes(explanation):
    return [(cause.parting.step, cause.conventions) for cause in explanation.causes]


def test_the_convention_that_moves_the_parting_is_the_cause():
    pair_with = pair_of({"weight-decay": {"lr": 0.06}, "momentum-buffer": {"momentum": 0.8}})
    explanation = explain(pair_with, "tensorflow", "none", batches(2))
    assert causes(explanation) == [(1, ("weight-decay",)), (2, ("momentum-buffer",))]
    assert explanation.is_complete
    assert explanation.matched == "momentum-buffer+weight-decay"
    # Conventions of layers cannot be the cause of a difference of weights.
    assert not any("gelu" in match or "batch-norm" in match for match in pair_with.built)
    # No comparison is made twice.
    assert len({*pair_with.built}) == len(pair_with.built)


def test_conventions_that_only_move_the_parting_together_are_one_cause():
    sizes = {"weight-decay": {"lr": 0.06}, "adam-epsilon-hat": {"weight_decay": 0.1}}
    explanation = explain(pair_of(sizes), "tensorflow", "none", batches(2))
    assert causes(explanation) == [(1, ("adam-epsilon-hat", "weight-decay"))]
    assert explanation.is_complete


def test_a_change_that_noise_hid_is_the_cause_where_it_shows():
    explanation = explain(pair_of({"layer-norm-epsilon": {"lr": 0.06}}), "jax", "none", batches(1))
    assert causes(explanation) == [(1, ("layer-norm-epsilon",))]
    assert explanation.causes[0].parting.quantity.kind == "weight"
    assert explanation.is_complete


def test_it_is_known_what_each_convention_changes():
    assert _CHANGES.keys() == CONVENTIONS.keys()


def test_matched_conventions_are_no_cause():
    pair_with = pair_of({"weight-decay": {"lr": 0.06}})
    explanation = explain(pair_with, "tensorflow", "weight-decay+gelu", batches(1))
    assert not explanation.causes
    assert explanation.matched == "weight-decay+gelu"


def test_a_difference_that_is_no_convention_has_no_cause():
    explanation = explain(
        lambda match: pair(changed("linear2.weight", 0.1)), "jax", "none", batches(1)
    )
    [cause] = explanation.causes
    assert cause.conventions == ()
    assert not explanation.is_complete
    assert explanation.matched == "none"


def test_nets_that_overflow_alike_do_not_part():
    parting, _ = first_parting(pair(lr=1e30), batches(4))
    assert parting is None


def test_a_net_that_overflows_alone_parts():
    parting, _ = first_parting(pair(with_prm(lr=1e30)), batches(2))
    assert (parting.step, parting.quantity.kind) == (1, "weight")
