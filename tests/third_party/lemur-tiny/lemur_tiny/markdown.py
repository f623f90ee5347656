"""Results as a table of Markdown."""


def export(results, path, *, title="Results", digits=4):
    """Write a heading and a table of the best epoch of each pipeline."""
    rows = [f"| {row.nn} | {row.accuracy:.{digits}f} |" for row in results.best().itertuples()]
    path.write_text("\n".join([f"# {title}", "", "| net | accuracy |", "|---|---|", *rows, ""]))
    return f"{len(rows)} pipelines"
