"""Dataset names with a restriction: ``cifar-10[samples=1000]``, ``coco[categories=dog+person]``.

The brackets contain limits, which reduce the dataset or divide it, and options of its loader. The
limits of any dataset are:

==========  ================================================================================
classes     number of classes to keep in all splits, drawn at random and renumbered in their order
balanced    without a value: as many training samples of the largest class as of the second largest
samples     number of training samples to keep; the validation split is held out of them
test        number of test samples to keep
seed        seed of the random draws; default 0
validation  share of the training samples that the validation split is; default 0.1
folds       number of disjoint folds into which the training samples are divided
fold        number of the fold that is the validation split, from 1 to ``folds``
==========  ================================================================================

They apply in this order, whatever their order in the brackets. A restriction selects the same
classes and samples on every machine, and ``samples`` and ``test`` keep the shares of the classes.
Subsets are nested: if two restrictions differ only in ``classes``, ``samples`` or ``test``, the
smaller subset is contained in the larger one. `lemur_core.chosen_classes` says which classes are
chosen.

The value of an option is text that the loader interprets. Separate several values with ``+``, in
any order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from lemur_core.errors import PatternError, hint

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

BALANCED = "balanced"
# Without an equals sign or this word, brackets are a set of characters of a pattern: ``[cd]igits``.
_LIMITED = rf"[^\[\]]*=[^\[\]]*|(?:[^\[\],]*,)*\s*{BALANCED}\s*(?:,[^\[\]]*)?"
_RESTRICTED = re.compile(rf"(?P<dataset>[^\[\]]*)\[(?P<limits>{_LIMITED})\]")
# Names and values of options contain no character that separates parts of pipelines or paths.
OPTION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VALUE = re.compile(r"[A-Za-z0-9.+-]+")
# No dataset has more samples, and Python does not parse numbers with thousands of digits.
_MOST_DIGITS = 15
_SHARE = re.compile(r"0?\.[0-9]{1,4}")


@dataclass(frozen=True)
class Restriction:
    """The limits and loader options in a dataset's name.

    Attributes:
        classes: Number of classes; None keeps all.
        balanced: Whether the largest class of the training split is cut to the size of the second
            largest.
        samples: Number of training samples; None keeps all.
        test: Number of test samples; None keeps all.
        seed: Seed with which classes and samples are drawn.
        validation: Share of the training samples that is held out for validation, between 0 and 1;
            None holds out a tenth, unless the dataset has a validation split of its own.
        folds: Number of folds into which the training samples are divided; None for none.
        fold: Number of the fold that is held out for validation, from 1; None without folds.
        options: Options of the loader as pairs of name and value, sorted by name.
    """

    classes: int | None = None
    balanced: bool = False
    samples: int | None = None
    test: int | None = None
    seed: int = 0
    validation: float | None = None
    folds: int | None = None
    fold: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    @property
    def cuts(self) -> bool:
        """Whether the dataset is reduced; options of the loader do not count."""
        numbers = (self.classes, self.samples, self.test)
        return self.balanced or any(number is not None for number in numbers)

    def __str__(self) -> str:
        limits = [f"{name}={text}" for name, text in self.options] + [
            limit.name if limit.name == BALANCED else f"{limit.name}={getattr(self, limit.name)}"
            for limit in fields(self)
            if limit.name in LIMITS and getattr(self, limit.name) != limit.default
        ]
        return f"[{','.join(limits)}]" if limits else ""


NONE = Restriction()
LIMITS = ("classes", BALANCED, "samples", "test", "seed", "validation", "folds", "fold")


def split(name: str) -> tuple[str, Restriction]:
    """Return the name of a dataset without brackets, and the restriction in the brackets.

    Raises:
        PatternError: The brackets cannot be parsed.

    >>> split("cifar-10[samples=1000]")[1].samples
    1000
    >>> split("coco[samples=50,categories=person+dog]")[1].options
    (('categories', 'dog+person'),)
    >>> split("mnist")[0]
    'mnist'
    """
    match = _RESTRICTED.fullmatch(name)
    if match is None:
        return name, NONE
    values = _values(name, match["limits"])
    limits: dict[str, Any] = {
        key: _limit(name, key, values[key]) for key in values if key in LIMITS
    }
    if set(limits) - {"validation"} == {"seed"}:
        raise PatternError(f"dataset {name!r}: a seed alone restricts nothing; add samples=N")
    _check_folds(name, limits)
    options = [
        (key, _option(name, key, values[key])) for key in sorted(values) if key not in LIMITS
    ]
    return match["dataset"], Restriction(**limits, options=tuple(options))


def _values(name: str, limits: str) -> dict[str, str]:
    """Return the values in brackets as text, by name; the value of ``balanced`` is empty."""
    values: dict[str, str] = {}
    for text in limits.split(","):
        key, sign, value = (part.strip() for part in text.partition("="))
        if key in values:
            raise PatternError(f"dataset {name!r}: {key} is given twice")
        if key == BALANCED and sign:
            raise PatternError(
                f"dataset {name!r}: {BALANCED} is {value!r}; expected no value, as in "
                f"[{BALANCED},samples=1000]"
            )
        if key and key != BALANCED and not sign:
            raise PatternError(
                f"dataset {name!r}: {key!r} has no value; expected {key}=VALUE, or {BALANCED}"
            )
        values[key] = value
    return values


def canonical(name: str) -> str:
    """Return a dataset's name with its restriction in the form in which it is recorded.

    >>> canonical("imagenet-1k[seed=0, classes=100]")
    'imagenet-1k[classes=100]'
    """
    dataset, restriction = split(name)
    return f"{dataset}{restriction}"


def with_validation(name: str, share: float) -> str:
    """Return a dataset's name with the share that is held out for validation, unless it has one.

    >>> with_validation("digits[samples=200]", 0.2), with_validation("digits[validation=0.5]", 0.2)
    ('digits[samples=200,validation=0.2]', 'digits[validation=0.5]')
    """
    dataset, restriction = split(name)
    if restriction.validation is not None:
        return name
    return f"{dataset}{replace(restriction, validation=share)}"


def with_fold(name: str, fold: int, folds: int) -> str:
    """Return a dataset's name with one of several folds as its validation split.

    Raises:
        PatternError: The name says already what is held out for validation.

    >>> with_fold("digits[samples=200]", 2, 5)
    'digits[samples=200,folds=5,fold=2]'
    """
    dataset, restriction = split(name)
    if restriction.validation is not None or restriction.folds is not None:
        raise PatternError(
            f"dataset {name!r}: its name already says what is held out for validation; leave out "
            "folds"
        )
    return f"{dataset}{replace(restriction, folds=folds, fold=fold)}"


def without_fold(name: str) -> str:
    """Return a dataset's name without its fold.

    >>> without_fold("digits[samples=200,folds=5,fold=2]")
    'digits[samples=200]'
    """
    dataset, restriction = split(name)
    return f"{dataset}{replace(restriction, folds=None, fold=None)}"


def _check_folds(name: str, limits: Mapping[str, Any]) -> None:
    folds, fold = limits.get("folds"), limits.get("fold")
    if folds is None and fold is None:
        return
    if folds is None or fold is None or fold > folds:
        raise PatternError(
            f"dataset {name!r}: expected folds and one of them, as in folds=5,fold=1"
        )
    if "validation" in limits:
        raise PatternError(f"dataset {name!r}: validation and folds exclude each other")


def check_options(name: str, restriction: Restriction, options: Collection[str]) -> None:
    """Raise `PatternError` if a restriction has an option that the loader does not have.

    Args:
        name: Name of the dataset, with brackets.
        restriction: The restriction in the brackets.
        options: Names of the loader's options.
    """
    for key, _ in restriction.options:
        if key not in options:
            known = [*LIMITS, *options]
            raise PatternError(f"dataset {name!r}: unknown restriction {key!r}{hint(key, known)}")


def _limit(name: str, key: str, value: str) -> int | float:
    if key == BALANCED:
        return True
    if key == "validation":
        return _share(name, key, value)
    least = 2 if key in ("classes", "samples", "folds") else 0 if key == "seed" else 1
    if not value.isdecimal() or len(value) > _MOST_DIGITS or int(value) < least:
        raise PatternError(f"dataset {name!r}: {key} is {value!r}; expected {least} or more")
    return int(value)


def _share(name: str, key: str, value: str) -> float:
    if not _SHARE.fullmatch(value) or not float(value):
        raise PatternError(
            f"dataset {name!r}: {key} is {value!r}; expected a share between 0 and 1, as in 0.2"
        )
    return float(value)


def _option(name: str, key: str, value: str) -> str:
    if not OPTION.fullmatch(key):
        raise PatternError(
            f"dataset {name!r}: {key!r} is not a valid name; expected {', '.join(LIMITS)} "
            "or an option of its loader"
        )
    if not _VALUE.fullmatch(value):
        raise PatternError(
            f"dataset {name!r}: {key} is {value!r}; expected letters, digits and . - "
            "(+ between several values)"
        )
    return "+".join(sorted(set(value.split("+"))))
