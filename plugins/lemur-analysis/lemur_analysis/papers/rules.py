"""Contract tests of papers, for plugins that register them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lemur_analysis.papers.paper import Claim, ClaimStatus, Sources, check

if TYPE_CHECKING:
    from lemur_core import Entry


class PaperRules:
    """Rules of papers: a paper yields distinct claims and reports missing data."""

    def test_paper_yields_claims(self, paper: Entry) -> None:
        """The paper yields at least one claim, and each claim has a distinct text."""
        claims = list(paper.load()(Sources()))
        assert claims, f"paper {paper.name!r}: yields no claim"
        for claim in claims:
            assert isinstance(claim, Claim), (
                f"paper {paper.name!r}: yields {claim!r}, expected a Claim"
            )
            assert claim.text, f"paper {paper.name!r}: a claim has no text"
            assert claim.where, f"paper {paper.name!r}: {claim.text}: does not say where it is"
            assert claim.tolerance >= 0, f"paper {paper.name!r}: {claim.text}: negative tolerance"
            assert claim.reason, (
                f"paper {paper.name!r}: {claim.text}: gives no reason for the tolerance"
            )
        texts = [claim.text for claim in claims]
        duplicates = sorted({text for text in texts if texts.count(text) > 1})
        assert not duplicates, f"paper {paper.name!r}: duplicate claims: {', '.join(duplicates)}"

    def test_paper_says_what_is_missing(self, paper: Entry) -> None:
        """Without data, no claim raises an error, and unchecked claims name the missing data."""
        for claim in paper.load()(Sources()):
            result = check(claim)
            assert result.verdict is not ClaimStatus.MISSING or result.missing, (
                f"paper {paper.name!r}: {claim.text}: does not say what is missing"
            )
