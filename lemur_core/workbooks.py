"""Write tables to xlsx workbooks, for exporters; requires openpyxl.

from openpyxl import Workbook
from lemur_core.workbooks import add_table, save_workbook

def export(results, path):
    book = Workbook(write_only=True)
    for line in add_table(book, results.frame(), "results").notes:
        results.warn(line)
    with path.open("wb") as file:
        save_workbook(book, file)
"""

from __future__ import annotations

from lemur_core.store.reading.workbook import Table, add_table, save_workbook, sheet_title

__all__ = ["Table", "add_table", "save_workbook", "sheet_title"]
