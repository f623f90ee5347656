import pytest

from lemur_analysis.plot.figure import figure
from lemur_analysis.report.pdf import pdf


@figure(needs=("accuracy",))
def curve(panel):
    panel.ax.plot(panel.frame["accuracy"])


def test_a_document_has_a_cover_tables_and_figures(results, records, figures, tmp_path):
    figures(curve=curve)
    frame = records({"A": [0.5, 0.05], "B": [0.7]}, dataset="cifar-10")
    # The cover, the nets, their figure, and the anomaly: a score below chance.
    assert pdf(results(frame), tmp_path / "a.pdf") == "3 records on 4 pages"
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize(("nets", "pages"), [(34, 1), (35, 2)])
def test_a_long_table_continues_on_the_next_page(results, records, figures, tmp_path, nets, pages):
    figures()
    frame = records({f"net-{number}": [0.5] for number in range(nets)})
    said = pdf(results(frame), tmp_path / "a.pdf", figures="none")
    assert said == f"{nets} records on {1 + pages} pages"


@pytest.mark.parametrize("name", ["x" * 300, "\u7d50\u679c", "a\0b", "$x_1$", "$"])
def test_any_name_can_be_printed(results, records, figures, tmp_path, name):
    figures(curve=curve)
    pdf(results(records({name: [0.5]}, dataset=name), command=name), tmp_path / "a.pdf")
