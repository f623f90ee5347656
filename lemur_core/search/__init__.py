"""A campaign: pipelines, their studies, their trials."""

from lemur_core.search.campaign import Summary, run
from lemur_core.search.settings import Settings

__all__ = ["Settings", "Summary", "run"]
