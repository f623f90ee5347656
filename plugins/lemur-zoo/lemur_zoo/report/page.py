"""The page and the card of a zoo."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from math import isnan
from typing import TYPE_CHECKING, NamedTuple

from lemur_core.errors import SettingsError
from lemur_core.files import replacement
from lemur_zoo.report.figures import draw_figures, why_no_umap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lemur_zoo.analysis.diversity import Spread
    from lemur_zoo.report.numbers import ZooReport
    from lemur_zoo.zoo import Zoo

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;text-align:left;"
    "border-bottom:1px solid #ddd}img{max-width:100%}figure{margin:1.5rem 0}"
    "figcaption,p.note{color:#555}"
)
_BEGINNINGS = {
    "README.md": "# Zoo ",
    "report.html": '<!doctype html><html lang="en"><meta charset="utf-8"><title>Zoo ',
}


class ReportTable(NamedTuple):
    """A table with a title.

    Attributes:
        title: Its title.
        headers: Headers of its columns.
        rows: Its rows.
        note: What it shows.
    """

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def check_replaceable(out: Path) -> None:
    """Raise `SettingsError` if a report would replace a file that is not of an earlier one."""
    for name, beginning in _BEGINNINGS.items():
        path, expected = out / name, beginning.encode()
        if not path.is_file():
            continue
        with path.open("rb") as file:
            if file.read(len(expected)) != expected:
                raise SettingsError(
                    f"{path}: was not written by lemur zoo report; name another folder with --out"
                )


def write_report(zoo: Zoo, numbers: ZooReport, out: Path) -> None:
    """Write ``report.html``, ``README.md`` and the figures of a zoo to a folder.

    Args:
        zoo: The zoo.
        numbers: Its numbers.
        out: The folder, which may be that of the zoo; files of an earlier report are replaced.

    Raises:
        SettingsError: A file of the folder would be replaced that is not of an earlier report.
        WriteError: The folder cannot be written.
    """
    check_replaceable(out)
    out.mkdir(parents=True, exist_ok=True)
    figures = out / "figures"
    figures.mkdir(exist_ok=True)
    drawn = list(draw_figures(zoo, numbers.kept, figures))
    tables = list(_tables(zoo, numbers))
    if note := why_no_umap(len(numbers.kept)):
        numbers = numbers._replace(notes=[*numbers.notes, note])
    for name, text in (
        ("README.md", _card(zoo, tables, numbers, drawn)),
        ("report.html", _page(zoo, tables, numbers, drawn, figures)),
    ):
        with replacement(out / name) as path:
            path.write_text(text, encoding="utf-8")


def _tables(zoo: Zoo, numbers: ZooReport) -> Iterator[ReportTable]:
    yield ReportTable("What it is", ["", ""], list(_about(zoo, numbers)))
    yield ReportTable(
        "Accuracy",
        ["images", "mean", "standard deviation"],
        [
            [name, *(_number(100 * value) for value in spread)]
            for name, spread in numbers.accuracies.items()
        ],
        f"In percent, over {len(numbers.kept):,} members after epoch {numbers.epoch}. Accuracy on "
        "training images is that of the batches of the epoch, as they were trained.",
    )
    yield ReportTable(
        "Diversity",
        ["measure", "mean", "standard deviation"],
        [
            *([name, *map(_number, percent)] for name, percent in numbers.differences),
            ["weights", *(_number(100 * value) for value in numbers.weights)],
        ],
        f"In percent, over all pairs of {len(numbers.kept):,} members after epoch {numbers.epoch}; "
        "l2 is divided by the members' mean length. The intermediate layer is the input of the "
        "last one; CKA is linear, on 50 test images.",
    )
    if numbers.sample is not None:
        sample = numbers.sample
        epochs = ", ".join(map(str, sample.epochs))
        yield ReportTable(
            "Properties predicted from weights",
            ["property", "measure", "from w", "from s(w)"],
            [
                [row.target, row.measure, _number(100 * row.weights), _number(100 * row.statistics)]
                for row in numbers.predicted
            ],
            f"In percent, on the members of the test split, {sample.tested:,} samples. Samples are "
            f"{sample.members:,} members after the epochs {epochs}. R2 is that of a ridge "
            "regression, negative if it is worse than the mean; s(w) are 7 statistics of the "
            "weights and of the biases of each layer.",
        )


def _about(zoo: Zoo, numbers: ZooReport) -> Iterator[list[str]]:
    spec, header = zoo.spec, zoo.header
    yield ["images", f"{spec.dataset}, {'x'.join(map(str, header.in_shape[1:]))}"]
    yield ["net", f"{spec.net}, {header.width:,} parameters"]
    splits = zoo.members["split"].value_counts()
    counts = ", ".join(
        f"{splits.get(name, 0):,} {name}" for name in ("train", "validation", "test")
    )
    yield ["members", f"{len(zoo):,} ({counts})"]
    left_out = len(zoo) - len(numbers.kept)
    yield [
        "left out",
        f"{left_out:,} that diverged, were stopped, or have a weight beyond {numbers.threshold:g}",
    ]
    yield ["epochs", f"{header.first_epoch} to {numbers.epoch}"]
    for name, values in spec.factors.items():
        yield [name, ", ".join(map(str, values))]
    made = ", ".join(f"{name} {version}" for name, version in header.versions.items())
    yield ["made", header.provenance or made]


def _page(
    zoo: Zoo,
    tables: Sequence[ReportTable],
    numbers: ZooReport,
    drawn: Sequence[tuple[str, str]],
    figures: Path,
) -> str:
    title = escape(f"Zoo {zoo.name}")
    parts = [f"<h1>{title}</h1>", *(_html(table) for table in tables)]
    parts += [f'<p class="note">{escape(note)}</p>' for note in numbers.notes]
    for name, caption in drawn:
        data = b64encode((figures / name).read_bytes()).decode()
        text = escape(caption)
        parts.append(
            f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
            f"<figcaption>{text}</figcaption></figure>"
        )
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def _html(table: ReportTable) -> str:
    lines = [f"<h2>{escape(table.title)}</h2>"]
    if table.note:
        lines.append(f'<p class="note">{escape(table.note)}</p>')
    lines.append("<table>")
    if any(table.headers):
        cells = "".join(f"<th>{escape(header)}</th>" for header in table.headers)
        lines.append(f"<tr>{cells}</tr>")
    for row in table.rows:
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return "\n".join([*lines, "</table>"])


def _card(
    zoo: Zoo, tables: Sequence[ReportTable], numbers: ZooReport, drawn: Sequence[tuple[str, str]]
) -> str:
    name = _markdown(zoo.name)
    lines = [
        f"# Zoo {name}",
        "",
        f"{len(zoo):,} nets with their weights after each epoch. Read it with `lemur_zoo.Zoo`; "
        "`zoo.json` describes the files.",
        "",
    ]
    for table in tables:
        lines += [f"## {table.title}", ""]
        if table.note:
            lines += [_markdown(table.note), ""]
        lines += [f"| {' | '.join(table.headers)} |", f"|{'---|' * len(table.headers)}"]
        lines += [f"| {' | '.join(map(_markdown, row))} |" for row in table.rows]
        lines.append("")
    lines += [f"{_markdown(note)}\n" for note in numbers.notes]
    for file, caption in drawn:
        lines += [f"![{_markdown(caption)}](figures/{file})", "", _markdown(caption), ""]
    lines += [
        "## Licence",
        "",
        "None is stated: choose one before you publish the zoo. The images have the licence of "
        f"{_markdown(zoo.spec.dataset)}.",
        "",
    ]
    return "\n".join(lines)


def _markdown(text: str) -> str:
    """Return text without anything that Markdown or HTML interpret."""
    line = " ".join(text.split())
    return "".join(
        f"\\{sign}" if sign in "\\`*[]|#!" else sign for sign in escape(line, quote=False)
    )


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.1f}"


def spread_text(spread: Spread) -> str:
    """Return a mean and a standard deviation as ``mean (std)``.

    >>> from lemur_zoo.analysis.diversity import Spread
    >>> spread_text(Spread(77.12, 3.04))
    '77.1 (3.0)'
    """
    return f"{_number(spread.mean)} ({_number(spread.std)})"
