import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

from lemur_analysis.plot.figure import figure
from lemur_analysis.report.html import html
from lemur_analysis.report.html_table import PAGE_ROWS, table

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
VOID = {"meta", "input", "img"}


@figure(needs=("accuracy",))
def curve(panel):
    panel.ax.plot(panel.frame["accuracy"], marker="o")


class Page(HTMLParser):
    """Elements of a page; parsing fails if one is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def page(results, records, figures, tmp_path):
    figures(curve=curve)

    def write(frame):
        html(results(frame), tmp_path / "a.html")
        return (tmp_path / "a.html").read_text(encoding="utf-8")

    return write


def test_a_page_is_self_contained(page, records):
    text = page(records({"A": [0.5, 0.6]}))
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)[^\"']", re.sub(r"xmlns[^ >]*", "", text))
    assert "@import" not in text


def test_a_page_can_be_navigated_and_read_aloud(page, records):
    parsed = Page(page(records({"A": [0.5, 0.6]})))
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"].removeprefix("#") for attrs in parsed.all("a")]
    assert set(links) <= set(ids)
    assert "data-1" in links
    (picture,) = parsed.all("img")
    assert picture["alt"] == "The curve: img-classification, digits"
    heads = [int(tag[1]) for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert heads[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(heads))
    assert all(head["scope"] == "col" for head in parsed.all("th"))
    assert parsed.all("html") == [{"lang": "en"}]


def test_figures_are_svg_with_texts(page, records):
    parsed = Page(page(records({"A": [0.5, 0.6]}, metric="a & 'b' #100%")))
    (picture,) = parsed.all("img")
    drawn = ElementTree.fromstring(picture["data-svg"])
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert "img-classification, digits, a & 'b' #100%" in "".join(drawn.itertext())


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "</script>", '"><b>', "a&amp;b"])
def test_names_are_never_markup(page, records, name):
    text = page(records({name: [0.5]}, dataset=name))
    parsed = Page(text)
    scripts = [attrs.get("type") for attrs in parsed.all("script")]
    assert scripts.count(None) == 1
    assert parsed.all("b") == []
    shown = [data for tag, data in parsed.texts if tag == "td"]
    assert name in shown


def test_a_table_shows_its_first_rows_and_keeps_all(records):
    frame = records({"A": np.linspace(0, 1, PAGE_ROWS + 10)})[["epoch", "accuracy"]]
    parsed = Page(table(frame, "caption", "one"))
    assert len(parsed.all("tr")) == PAGE_ROWS + 1
    (data,) = (json.loads(text) for tag, text in parsed.texts if tag == "script")
    assert [row[0] for row in data] == list(frame["epoch"])
    assert np.allclose([row[1] for row in data], frame["accuracy"], rtol=1e-4)
    assert ("output", f"{PAGE_ROWS} of 60 rows") in parsed.texts


def test_values_that_are_not_numbers_are_shown_as_text(records):
    frame = records({"A": [np.nan, np.inf, -np.inf, 1e-12]})[["accuracy"]]
    cells = re.findall("<td[^>]*>([^<]*)</td>", table(frame, "", "one"))
    assert cells == ["", "inf", "-inf", "1e-12"]


SORT = """
<script>
const box = document.querySelector("#data-1-nets");
box.querySelectorAll("th button")[4].click();
const sorted = [...box.querySelectorAll("tbody tr")].map((row) => row.cells[1].textContent);
box.querySelector("input").value = "net-1";
box.querySelector("input").dispatchEvent(new Event("input"));
document.body.innerHTML = JSON.stringify({
  sorted, found: box.querySelectorAll("tbody tr").length,
  said: box.querySelector("output").textContent,
  ready: document.documentElement.dataset.ready,
});
</script></body>"""


def opened(file):
    """Return the page as rendered by a browser after two seconds of virtual time."""
    return subprocess.run(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
            "--virtual-time-budget=2000", f"--user-data-dir={file.with_name('profile')}",
            "--dump-dom", file.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


DRAW = """
<script>
dispatchEvent(new Event("beforeprint"));
const image = document.querySelector("img");
image.decode().then(() => { document.title = `drawn ${image.naturalWidth}`; });
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_figures_are_drawn_in_a_browser(page, records, tmp_path):
    file = tmp_path / "drawn.html"
    text = page(records({"A": [0.5, 0.6]}))
    file.write_text(text.replace("</body>", DRAW), encoding="utf-8")
    match = re.search(r"<title>drawn (\d+)", opened(file))
    assert int(match[1]) > 100


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_tables_sort_and_filter_in_a_browser(page, records, tmp_path):
    nets = {f"net-{number:02d}": [0.5] * (1 + number % 7) for number in range(60)}
    text = page(records(nets))
    # Sorted by missing, then by records; ties keep their order.
    file = tmp_path / "sorted.html"
    file.write_text(text.replace("</body>", SORT.replace("[4]", "[3]")), encoding="utf-8")
    dumped = opened(file)
    state = json.loads(re.search(r"\{\"sorted.*\}", dumped)[0])
    by_records = sorted(nets, key=lambda net: (len(nets[net]), net))
    assert state["sorted"] == by_records[:PAGE_ROWS]
    assert (state["found"], state["said"]) == (10, "10 rows")
    assert int(state["ready"]) >= 0
