"""The nets with which a control of a study is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_spaces.study.spec import LONGER, NOISE, base_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lemur_spaces.population import PopulationMember
    from lemur_spaces.study.spec import Condition


def chosen(control: Condition, errors: Mapping[str, float]) -> list[str]:
    """Return the names of the nets of a control.

    The control is longer training, of the best and the worst nets, or the noise of training, of
    nets that are evenly spaced in the order of the errors, for example at both quartiles.

    Args:
        control: The control.
        errors: Validation error of each net under the condition that is controlled.

    >>> from lemur_spaces.study.spec import Condition
    >>> noise = Condition("digits", 8, 2, "top-1", "norm_8", {}, control="noise", nets=2)
    >>> chosen(noise, {"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2})
    ['d', 'a']
    """
    ordered = sorted(errors, key=lambda name: (errors[name], name))
    count, size = control.nets, len(ordered)
    if control.control == LONGER:
        return ordered if 2 * count >= size else ordered[:count] + ordered[-count:]
    count = min(count, size)
    return [ordered[(2 * number + 1) * size // (2 * count)] for number in range(count)]


def changed_members(
    condition: Condition, members: Sequence[PopulationMember]
) -> Sequence[PopulationMember]:
    """Return designs with the shared hyperparameters of a condition.

    Names and complexities remain those of the population.
    """
    return [member._replace(design={**member.design, **condition.changed}) for member in members]


def most_chosen(condition: Condition, population: Sequence[str]) -> int:
    """Return how many nets of a population a condition trains at most."""
    if condition.control not in (LONGER, NOISE):
        return len(population)
    nets = 2 * condition.nets if condition.control == LONGER else condition.nets
    return min(nets, len(population))


def most_trainings(
    conditions: Sequence[Condition], population: Sequence[str]
) -> Iterator[tuple[Condition, int]]:
    """Yield each condition of a study, and the number of its trainings at most.

    The trainings that a control shares with the condition that it controls count there only.

    Args:
        conditions: The conditions of the study.
        population: Names of the nets.
    """
    for condition in conditions:
        base = base_of(condition, conditions)
        is_shared = (
            condition.control in (LONGER, NOISE) and condition.trained_epochs == base.trained_epochs
        )
        seeds = condition.seeds - (base.seeds if is_shared else 0)
        yield condition, most_chosen(condition, population) * max(0, seeds)
