"""The weights of trained nets, from which a control of a study starts its trainings."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import lemur_core
from lemur_core.errors import ArtefactError, UnknownNameError, error_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lemur_core import Artefact

WEIGHTS = "spaces.safetensors"
"""Name of the artefact with the weights of a trial's best epoch by validation."""
# Hyperparameters have this identity of a file of weights.
_SCHEME, _DIGITS = "sha256:", 16


def identity_of(weights: Artefact) -> str:
    """Return the value of the hyperparameter ``weights`` of a trial that starts from a file."""
    return f"{_SCHEME}{weights.sha256[:_DIGITS]}"


def stored_weights(trials: Mapping[str, Sequence[str]], db: str) -> dict[str, Artefact]:
    """Return the files of weights that exist, by name of the net.

    Args:
        trials: Ids of the trials of each net, of which the first counts.
        db: The database.
    """
    files = {name: _stored(ids[0], db) for name, ids in trials.items() if ids}
    return {name: file for name, file in files.items() if file is not None}


def store_weights(
    trials: Mapping[str, Sequence[str]], db: str, data: Path, say: Callable[[str], None]
) -> None:
    """Attach the weights of each net to its first trial, unless they are attached.

    They are those of the epoch with the best validation score. A trial without kept weights is
    trained again, up to this epoch. A net that fails is left out.

    Args:
        trials: Ids of the trials of each net.
        db: The database.
        data: Folder of the datasets.
        say: Called with a line for each net that is left out.
    """
    stored = stored_weights(trials, db)
    for name, ids in trials.items():
        if name in stored or not ids:
            continue
        # The code of nets may raise anything; the others are still used.
        try:
            _store(ids[0], db, data)
        except Exception as error:
            say(f"{name}: the weights of trial {ids[0]} are missing: {error_text(error)}")


def _stored(uid: str, db: str) -> Artefact | None:
    try:
        return lemur_core.artefact(uid, WEIGHTS, db=db)
    except (UnknownNameError, ArtefactError):
        return None


def _store(uid: str, db: str, data: Path) -> None:
    from safetensors.torch import save_file

    state = lemur_core.trained(uid, db=db, data=data, device="cpu").net.state_dict()
    with TemporaryDirectory() as folder:
        file = Path(folder) / WEIGHTS
        # Copies, because a file cannot have tensors that share memory.
        save_file({name: value.clone().contiguous() for name, value in state.items()}, file)
        lemur_core.attach(uid, file, kind="weights", db=db, replace=True)
