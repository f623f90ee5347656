"""What is said of a net that was checked."""

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
    """What known net a source is like.

    Attributes:
        duplicate_of: The name of a net that is the same but for comments, docstrings, layout and
            annotations; None where there is none.
        nearest: The name of the net most like it; None where none is known.
        similarity: To that one, 0 to 1: the estimated share of the runs of five tokens of their
            syntax trees that both have.
    """

    duplicate_of: str | None = None
    nearest: str | None = None
    similarity: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What is said of a net that was checked.

    What was not come to is None.

    Attributes:
        name: The name given, or one that follows from the source.
        valid: Whether it took every step.
        step: The last step that it began: parse, template, import, build, forward, batch, epochs.
        reason: Why it is not valid.
        line: Of its source, where that is.
        traceback: Where it failed, when it was run.
        prm: The hyperparameters it was tried with.
        parameters: How many it has.
        multiply_adds: Of one image.
        validation: Score on the validation split after the last epoch, 0 to 1.
        score: Score on the test split after the last epoch, 0 to 1.
        seconds: Of training and scoring, all epochs.
        novelty: What known net it is like.
        quality: How its source reads; None where ruff is not installed.
        reaches: What of it reaches beyond a net, by the words that it uses.
        not_enforced: What it was not kept from.
        limit: Which limit of the machine ended it, which is no fault of the net: ``time``,
            ``memory``, or ``lost`` where its process was killed from outside; else empty.
        walls: What it was run behind: ``bubblewrap``; ``none``, but with limits; or ``trust``, with
            a limit on time only. Empty where that was not recorded.
        limits: What it might take: ``seconds``, ``memory_bytes``, ``processes``, ``scratch_bytes``.
        versions: Of ``python``, ``lemur-core`` and ``torch``.
        replaces: The hashes of the sources that had its name before.
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
        """The score, divided by the seconds it took."""
        return self.score / self.seconds if self.score is not None and self.seconds else None

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"score_per_second": self.score_per_second}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Verdict:
        """Return the verdict that gave these facts."""
        own = {name: value for name, value in facts.items() if name != "score_per_second"}
        novelty, quality = own["novelty"], own["quality"]
        own["novelty"] = novelty and Novelty(**novelty)
        own["quality"] = quality and Quality.of(quality)
        own["reaches"] = tuple(Finding(*one) for one in own["reaches"])
        for name in ("not_enforced", "replaces"):
            own[name] = tuple(own.get(name, ()))
        return cls(**own)
