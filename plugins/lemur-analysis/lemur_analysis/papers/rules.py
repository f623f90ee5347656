"""The rules of papers, for the contract tests of plugins that register some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.papers.paper import Claim, ClaimStatus, Sources, check

if TYPE_CHECKING:
    from lemur_core import Entry


class PaperRules:
    """A paper yields claims of its own, and says what is missing where its data is."""

    def test_paper_yields_claims(self, paper: Entry) -> None:
        """It yields claims, each with a text of its own."""
        claims = list(paper.load()(Sources()))
        assert claims, f"paper {paper.name!r}: yields no claim"
        for one in claims:
            assert isinstance(one, Claim), f"paper {paper.name!r}: yields {one!r}, no Claim"
            assert one.text, f"paper {paper.name!r}: a claim has no text"
            assert one.where, f"paper {paper.name!r}: {one.text}: says not where it is"
            assert one.tolerance >= 0, f"paper {paper.name!r}: {one.text}: negative tolerance"
            assert one.reason, f"paper {paper.name!r}: {one.text}: says not why the tolerance"
        texts = [one.text for one in claims]
        twice = sorted({text for text in texts if texts.count(text) > 1})
        assert not twice, f"paper {paper.name!r}: claims twice: {', '.join(twice)}"

    def test_paper_says_what_is_missing(self, paper: Entry) -> None:
        """Without data each claim is missing something, or needs none; none raises an error."""
        for claim in paper.load()(Sources()):
            done = check(claim)
            assert done.verdict is not ClaimStatus.MISSING or done.missing, (
                f"paper {paper.name!r}: {claim.text}: does not say what is missing"
            )
