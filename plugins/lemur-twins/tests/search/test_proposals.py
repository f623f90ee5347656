import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from lemur_core.errors import SettingsError
from lemur_twins.search.proposals import SAMPLERS, KnownPair, propose
from lemur_twins.search.subspaces import SubSpace, sub_spaces

SPACE = SubSpace(
    3, {"lr": FloatDistribution(1e-4, 0.1, log=True), "batch": IntDistribution(10, 100)}
)


def known(count):
    """Return pairs that differ more, the closer their batch is to 80."""
    pairs = []
    for _ in range(count):
        prm = propose(SPACE, pairs, sampler="Random")
        pairs.append(KnownPair(prm, 1 - abs(prm["batch"] - 80) / 100))
    return pairs


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_proposals_lie_in_the_sub_space_and_are_repeatable(sampler):
    pairs = known(12)
    prm = propose(SPACE, pairs, sampler=sampler, seed=5)
    assert SPACE.holds(prm)
    assert isinstance(prm["batch"], int)
    assert propose(SPACE, pairs, sampler=sampler, seed=5) == prm
    assert propose(SPACE, pairs[:-1], sampler=sampler, seed=5) != prm


@pytest.mark.parametrize("sampler", ["GP", "TPE"])
def test_a_sampler_goes_where_differences_are_large(sampler):
    pairs = known(20)

    def mean_distance(name):
        batches = [propose(SPACE, pairs, sampler=name, seed=seed)["batch"] for seed in range(12)]
        return sum(abs(batch - 80) for batch in batches) / 12

    assert mean_distance(sampler) < 0.7 * mean_distance("Random")


def test_sub_spaces_and_seeds_have_proposals_of_their_own():
    spaces = [SPACE, SPACE._replace(number=4)]
    drawn = {propose(space, [], seed=seed)["lr"] for space in spaces for seed in range(3)}
    assert len(drawn) == 6


def test_pairs_without_a_difference_are_not_told_but_change_the_proposal():
    failed = [KnownPair({"lr": 0.01, "batch": 50}, None)]
    assert propose(SPACE, failed) != propose(SPACE, [])


def test_what_is_taken_is_not_proposed_again():
    [low, _] = sub_spaces({"epochs": IntDistribution(1, 3)})
    taken = []
    for _ in range(2):
        prm = propose(low, [], taken=taken)
        assert prm not in taken
        taken.append(prm)
    assert propose(low, [], taken=taken) is None


def test_an_unknown_sampler_is_refused():
    with pytest.raises(SettingsError, match="sampler 'gp'; expected GP, TPE, Random"):
        propose(SPACE, [], sampler="gp")
