"""A dataset of pairs: what was searched, found, and can be used again.

For example:

    import lemur_twins as twins

    dataset = twins.load("VGG-mini-jax-digits")
    dataset.pairs()                                   # a row for each pair
    dataset.find(lr=(0.01, None), batch=64)           # those with such hyperparameters
    dataset.net("VGG-mini-jax-digits-3-7", "jax")     # ready for evaluation and training

The roles of the pairs are frameworks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import lemur_core
from lemur_core.errors import SettingsError, UnknownNameError
from lemur_twins.search.known import NAME, PLACE, SPACE, fact_of

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame, Series

    from lemur_core import Trained

_PRM, _SCORE, _TRIAL = "prm.", "accuracy.", "trial."
_STATE, _REASON = "state.", "reason."
_PUBLISHED_NAME = "pair.name"
"""The fact in which importers keep the name of a pair."""


def load(name: str, *, db: str | Path = "lemur.db") -> PairDataset:
    """Return the pairs of a collection, recorded by a search, imported or collected.

    Args:
        name: Name of a collection of the kind ``pair``.
        db: A database URL, or the path of an SQLite file.

    Raises:
        UnknownNameError: The collection does not exist.
        SettingsError: Its members are no pairs.
        StoreError: The database does not exist or cannot be read.
    """
    collection = lemur_core.collection(name, db=db)
    roles = tuple(sorted({member.role for member in collection.members}))
    if len(roles) != 2:
        shown = ", ".join(roles) or "none"
        raise SettingsError(f"collection {name!r}: pairs have two roles; its roles are {shown}")
    return PairDataset(name, str(db), roles, collection.spec)


@dataclass(frozen=True)
class PairDataset:
    """The pairs of a collection.

    Attributes:
        name: Name of the collection.
        db: The database.
        frameworks: The two roles of its members, for example ``("jax", "pytorch")``.
        spec: The spec of the collection; for a search, what was searched.
    """

    name: str
    db: str
    frameworks: tuple[str, ...]
    spec: Any

    def pairs(self) -> DataFrame:
        """Return a row for each pair.

        The columns are those of `lemur_analysis.pairs.of_collections`: among them ``name``,
        ``accuracy.FRAMEWORK`` (test score after the last epoch, 0 to 1), ``difference`` (0 to 1),
        ``trial.FRAMEWORK``, ``state.FRAMEWORK`` and ``prm.NAME``. ``reason.FRAMEWORK`` says why a
        training failed; its pair has no difference. ``prm.epochs`` is the number of epochs that was
        requested. If they come from a search, ``space`` is the number of the sub-space, and
        ``place`` the place of the pair there.
        """
        return self._pairs.copy()

    @cached_property
    def _pairs(self) -> DataFrame:
        from lemur_analysis import pairs

        frame = pairs.of_collections(self.name, db=self.db)
        trials = lemur_core.trials(collection=self.name, db=self.db)
        by_role = {
            name: trials[trials["role"] == name].set_index("position") for name in self.frameworks
        }
        # A frame of results lacks what trials without an epoch have.
        columns: dict[str, Any] = {}
        for name, part in by_role.items():
            for prefix, column in ((_TRIAL, "trial"), (_STATE, "state"), (_REASON, "reason")):
                columns[f"{prefix}{name}"] = frame["position"].map(part[column])
            if f"{_SCORE}{name}" not in frame.columns:
                columns[f"{_SCORE}{name}"] = float("nan")
        if "difference" not in frame.columns:
            columns["difference"] = float("nan")
        first = by_role[self.frameworks[0]]
        columns |= self._of_search(frame, first) | _hyperparameters(frame, first)
        return frame.assign(**columns)

    def _of_search(self, frame: DataFrame, first: DataFrame) -> dict[str, Any]:
        """Return the name, the sub-space and the place of each pair, as far as they are known."""
        facts = first["facts"].map(lambda all_facts: all_facts.get(fact_of(self.name)) or {})
        columns: dict[str, Any] = {}
        for column in (SPACE, PLACE):
            values = facts.map(lambda own, column=column: own.get(column))
            if values.notna().any():
                columns[column] = frame["position"].map(values).astype("Int64")
        published = first["facts"].map(lambda all_facts: all_facts.get(_PUBLISHED_NAME))
        names = facts.map(lambda own: own.get(NAME)).combine_first(published)
        if names.notna().any():
            columns[NAME] = frame["position"].map(names)
        return columns

    def space(self, number: int) -> DataFrame:
        """Return the pairs that were proposed in a sub-space, in their order.

        Raises:
            SettingsError: The pairs do not come from a search.
            UnknownNameError: There is no such sub-space.
        """
        frame = self._pairs
        if "space" not in frame.columns:
            raise SettingsError(
                f"the pairs of {self.name!r} have no sub-spaces: no search made them"
            )
        known = sorted(frame["space"].dropna().unique())
        if number not in known:
            raise UnknownNameError("sub-space", str(number), [*map(str, known)])
        return frame[frame["space"] == number].sort_values("place", ignore_index=True)

    def history(self, number: int) -> DataFrame:
        """Return the course of the search in a sub-space.

        Args:
            number: Number of the sub-space.

        Returns:
            A row for each pair, in their order: ``place``, ``name``, ``difference``, ``largest``
            (the largest difference so far) and the hyperparameters.

        Raises:
            SettingsError: The pairs do not come from a search.
            UnknownNameError: There is no such sub-space.
        """
        frame = self.space(number)
        searched = [name for name in frame.columns if name.startswith(_PRM)]
        largest = frame["difference"].cummax()
        return frame.assign(largest=largest)[["place", "name", "difference", "largest", *searched]]

    def find(self, **prm: Any) -> DataFrame:
        """Return the pairs with such hyperparameters.

        Args:
            prm: A value, a list of values, or a tuple (min, max) in which None means no bound.

        Raises:
            UnknownNameError: No pair has a hyperparameter of this name.
        """
        frame = self._pairs
        for name, wanted in prm.items():
            column = f"{_PRM}{name}"
            if column not in frame.columns:
                known = [at.removeprefix(_PRM) for at in frame.columns if at.startswith(_PRM)]
                raise UnknownNameError("hyperparameter", name, known)
            frame = frame[_matches(frame[column], wanted)]
        return frame.reset_index(drop=True)

    def curves(self, pair: str | int) -> DataFrame:
        """Return the test scores of both nets of a pair after each epoch.

        Args:
            pair: Name or position of the pair.

        Returns:
            A column for each framework, 0 to 1, and a row for each epoch, from 1.

        Raises:
            UnknownNameError: There is no such pair.
        """
        row = self._row(pair)
        trials = {row[f"{_TRIAL}{name}"]: name for name in self.frameworks}
        rows = lemur_core.data(
            where={"trial": [*trials]}, columns=["trial", "epoch", "accuracy"], db=self.db
        )
        rows = rows.assign(framework=rows["trial"].map(trials))
        return rows.pivot(index="epoch", columns="framework", values="accuracy").rename_axis(
            columns=None
        )

    def net(self, pair: str | int, framework: str, **options: Any) -> Trained:
        """Return a trained net of a pair.

        It has the weights of its best epoch by validation, whose score can differ from that after
        the last epoch.

        Args:
            pair: Name or position of the pair.
            framework: One of ``frameworks``.
            options: Those of `lemur_core.trained`, for example ``data``.

        Raises:
            UnknownNameError: There is no such pair or framework.
            LemurError: The net cannot be built or trained again, see `lemur_core.trained`.
        """
        return lemur_core.trained(self._trial(pair, framework), db=self.db, **options)

    def weights(self, pair: str | int, framework: str, **options: Any) -> dict[str, Any]:
        """Return the weights of a net of a pair, arrays by name, in the layout of PyTorch.

        The arguments and errors are those of `net`.
        """
        net: Any = self.net(pair, framework, **options).net
        if hasattr(net, "parameter_arrays"):
            return {**net.parameter_arrays(), **net.buffer_arrays()}
        return {name: value.detach().cpu().numpy() for name, value in net.state_dict().items()}

    def _trial(self, pair: str | int, framework: str) -> str:
        if framework not in self.frameworks:
            raise UnknownNameError("framework", framework, self.frameworks)
        return str(self._row(pair)[f"{_TRIAL}{framework}"])

    def _row(self, pair: str | int) -> Series[Any]:
        frame = self._pairs
        is_pair = frame["position"] == pair
        if isinstance(pair, str):
            is_pair = frame["name"] == pair if "name" in frame.columns else is_pair
        if not is_pair.any():
            names = frame["name"] if "name" in frame.columns else frame["position"]
            raise UnknownNameError("pair", str(pair), [*map(str, names)])
        return frame[is_pair].iloc[0]


def _hyperparameters(frame: DataFrame, first: DataFrame) -> dict[str, Any]:
    """Return the hyperparameters of each pair that the frame lacks, the epochs among them."""
    # An imported pair has the number of epochs as a hyperparameter.
    prms = {
        position: {"epochs": epochs} | prm
        for position, prm, epochs in zip(first.index, first["prm"], first["epochs"], strict=True)
    }
    columns = {}
    for name in sorted({name for prm in prms.values() for name in prm}):
        values = frame["position"].map({at: prm.get(name) for at, prm in prms.items()})
        column = f"{_PRM}{name}"
        columns[column] = frame[column].combine_first(values) if column in frame else values
    return columns


def _matches(column: Series[Any], wanted: Any) -> Series[Any]:
    if isinstance(wanted, list | set):
        return column.isin([*wanted])
    if not isinstance(wanted, tuple):
        return column == wanted
    low, high = wanted
    is_inside = column.notna()
    if low is not None:
        is_inside &= column >= low
    return is_inside if high is None else is_inside & (column <= high)
