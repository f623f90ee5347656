"""Write tables to files, for exporters.

Your own exporter can write a DataFrame in a format that lemur supports:

    from lemur_core.tables import check_installed, write_table

    def export(results, path):
        check_installed("parquet")
        with path.open("wb") as file:
            for line in write_table(results.frame(), "parquet", file):
                results.warn(line)
"""

from __future__ import annotations

from lemur_core.store.reading.formats import check_installed
from lemur_core.store.reading.formats import write as write_table

__all__ = ["check_installed", "write_table"]
