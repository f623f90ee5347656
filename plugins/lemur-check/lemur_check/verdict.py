"""The verdict on a net that was checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lemur_check.quality import Quality
from lemur_check.reach import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

STEPS = ("parse", "template", "import", "build", "forward", "batch", "epochs")


@dataclass(frozen=True)
class Novelty:
    """The known nets that a source is similar to.

    Attributes:
        duplicate_of: Name of a net that differs only in comments, docstrings, layout and
            annotations; None if there is none.
        nearest: Name of the most similar net; None if no net is known.
        similarity: Similarity to the nearest net, 0 to 1: the estimated Jaccard similarity of the
            runs of five tokens in their syntax trees.
    """

    duplicate_of: str | None = None
    nearest: str | None = None
    similarity: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """The verdict on a net that was checked.

    Fields that the check did not reach are None.

    Attributes:
        name: The given name, or one derived from the source.
        valid: Whether the net passed every step.
        step: The last step that began: parse, template, import, build, forward, batch or epochs.
        reason: Why the net is not valid.
        line: Line of the source that is at fault, if known.
        traceback: Traceback of the failure, if the net was run.
        prm: The hyperparameters of the check.
        parameters: Number of parameters.
        multiply_adds: Multiply-adds per image.
        validation: Score on the validation split after the last epoch, 0 to 1.
        score: Score on the test split after the last epoch, 0 to 1.
        seconds: Duration of training and scoring in all epochs, in seconds.
        novelty: The known nets that it is similar to.
        quality: Style of the source; None if ruff is not installed.
        reaches: Constructs in the source that nets do not need.
        not_enforced: The restrictions that were not enforced.
        limit: The limit that ended the net, which is not a fault of the net: ``time``, ``memory``,
            or ``lost`` if its process was killed from outside. Empty if there was none.
        walls: The sandbox: ``bubblewrap``; ``none``, with limits only; or ``trust``, with a time
            limit only. Empty if not recorded.
        limits: The limits: ``seconds``, ``memory_bytes``, ``processes``, ``scratch_bytes``.
        versions: Versions of ``python``, ``lemur-core`` and ``torch``.
        replaces: Hashes of the sources that had the name before.
    """

    name: str
    valid: bool
    step: str
    reason: str = ""
    line: int | None = None
    traceback: str = field(default="", repr=False)
    prm: Mapping[str, Any] | None = None
    parameters: int | None = None
    multiply_adds: int | None = None
    validation: float | None = None
    score: float | None = None
    seconds: float | None = None
    novelty: Novelty | None = None
    quality: Quality | None = None
    reaches: tuple[Finding, ...] = ()
    not_enforced: tuple[str, ...] = ()
    limit: str = ""
    walls: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()

    @property
    def score_per_second(self) -> float | None:
        """The test score divided by the duration in seconds."""
        return self.score / self.seconds if self.score is not None and self.seconds else None

    def facts(self) -> dict[str, Any]:
        """Return the fields and `score_per_second` as values for JSON."""
        return asdict(self) | {"score_per_second": self.score_per_second}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Verdict:
        """Return the verdict with these facts."""
        fields = {name: value for name, value in facts.items() if name != "score_per_second"}
        novelty, quality = fields["novelty"], fields["quality"]
        fields["novelty"] = novelty and Novelty(**novelty)
        fields["quality"] = quality and Quality.of(quality)
        fields["reaches"] = tuple(Finding(*finding) for finding in fields["reaches"])
        for name in ("not_enforced", "replaces"):
            fields[name] = tuple(fields.get(name, ()))
        return cls(**fields)
