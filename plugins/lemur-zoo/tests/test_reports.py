"""The report on a zoo: its numbers, its page and its card."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from lemur_core.errors import SettingsError
from lemur_zoo import Zoo
from lemur_zoo.analysis.projection import umap_coordinates
from lemur_zoo.cli.group import zoo as commands
from lemur_zoo.making import groups_of
from lemur_zoo.members import GroupState
from lemur_zoo.parameters import Parameter
from lemur_zoo.report.figures import draw_figures
from lemur_zoo.report.numbers import report_on
from lemur_zoo.report.page import write_report
from lemur_zoo.spec.factors import read_factors
from lemur_zoo.spec.population import members_of
from lemur_zoo.spec.spec import ZooSpec
from lemur_zoo.storage.folder import ZooFolder, create
from lemur_zoo.storage.header import ZooError, ZooHeader

from .conftest import run


def synthetic(path, members, name="synthetic", epochs=3):
    """A zoo whose members' accuracies and activations can be read off their weights.

    The last two of more than 10 members are a diverged one and one with a large weight.
    """
    factors = read_factors("synthetic", {"activation": ["tanh", "gelu"]}, drawn=False)
    spec = ZooSpec(name, "digits", "CNN-S", factors, 28, 1, epochs, repeats=members // 2)
    population = members_of(spec, 0, members)
    parameters = (Parameter("a.weight", (4, 5)), Parameter("a.bias", (4,)))
    header = ZooHeader(
        "0" * 32, spec, members, epochs, parameters, (1, 1, 28, 28), 10, "", {},
        groups_of(population, spec), {},
    )  # fmt: skip
    create(path, header, population)
    folder = ZooFolder(path, header, writable=True)
    draws = np.random.default_rng(5)
    weights = draws.uniform(-1, 1, (members, epochs + 1, 24))
    for member in population:
        weights[member.number, :, 3] = 1 if member.values["activation"] == "gelu" else -1
    scores = np.ones((members, epochs + 1, 3, 2))
    scores[..., 1] = 0.5 + 0.4 * weights[:, :, :1]
    scores[:, :, 0, 1] += 0.05 * weights[:, :, 1]
    if members > 10:
        weights[-1, :, 5], scores[-1, :, :, 0] = np.nan, np.nan
        weights[-2, :, 6] = 100
    folder.weights[:], folder.metrics[:] = weights, scores
    for group, numbers in enumerate(header.groups):
        rows = weights[list(numbers), epochs].astype(np.float32)
        state = GroupState(rows, rows, rows, 1)
        folder.commit(group, epochs, state, scores[list(numbers), epochs], range(epochs + 1))
    return path


def test_numbers_are_those_of_the_members_that_are_kept(tmp_path):
    zoo = Zoo(synthetic(tmp_path / "zoo", members=40))
    numbers = report_on(zoo, tmp_path, threshold=5.0)
    assert [*numbers.kept] == [*range(38)]
    weights = zoo.at(3)[:38].astype(float)
    assert numbers.weights == pytest.approx((weights.mean(), weights.std()))
    test = zoo.scores[:38, 3, 2, 1]
    assert numbers.accuracies["test"] == pytest.approx((test.mean(), test.std()))
    lengths = np.linalg.norm(weights, axis=1)
    distances = [
        np.linalg.norm(weights[k] - weights[n]) for k in range(38) for n in range(k + 1, 38)
    ]
    name, percent = numbers.differences[0]
    assert name == "l2 distance"
    assert percent.mean == pytest.approx(100 * np.mean(distances) / lengths.mean(), rel=1e-5)
    # These members' images are not those of digits.
    (note,) = numbers.notes
    assert note.startswith("agreement and CKA: not computed (the images in ")
    everyone = report_on(zoo, tmp_path, threshold=1_000)
    assert [*everyone.kept] == [*range(39)]
    assert (numbers.sample.members, everyone.sample.members) == (38, 39)
    assert (numbers.sample.left_out, everyone.sample.left_out) == (2, 1)


def test_too_few_kept_members_are_one_line(tmp_path):
    zoo = Zoo(synthetic(tmp_path / "zoo", members=12))
    with pytest.raises(ZooError, match=r"0 of 12 members have finite weights of at most 0.001"):
        report_on(zoo, tmp_path, threshold=1e-3)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.cells, self.images, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attributes)["src"])

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "td":
            self.cells.append(data)


def test_a_zoo_has_a_page_and_a_card(small, tmp_path, monkeypatch):
    monkeypatch.setattr("lemur_zoo.report.figures.find_spec", lambda _: None)
    output = run("report", small, "--out", tmp_path / "out")
    assert re.search(r"agreement +\d+\.\d \(\d+\.\d\)", output)
    assert "CKA, last layer" in output
    out = tmp_path / "out"
    page = Page((out / "report.html").read_text())
    assert "2,464" in " ".join(page.cells)
    assert {"agreement", "CKA, intermediate layer", "test", "init"} <= {*page.cells}
    assert len(page.images) == 5
    assert all(image.startswith("data:image/png;base64,") for image in page.images)
    card = (out / "README.md").read_text()
    links = re.findall(r"\]\((figures/[^)]+)\)", card)
    assert len(links) == 5
    for link in links:
        with Image.open(out / link) as image:
            assert np.asarray(image.convert("L")).std() > 5
    assert "## Licence" in card
    for line in card.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4, 5)


def test_pictures_by_umap_show_members_that_are_alike_together(tmp_path):
    pytest.importorskip("umap", reason="umap-learn, an extra of lemur-zoo, is not installed")
    zoo = Zoo(synthetic(tmp_path / "zoo", members=40))
    # Members with one activation are far from those with the other.
    far = np.array(zoo.at(3)[:38])
    classes = np.array([member.values["activation"] for member in zoo.population[:38]])
    far[classes == "gelu"] += 5
    coordinates = umap_coordinates(far)
    distances = np.linalg.norm(coordinates[:, None] - coordinates, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (classes[distances.argmin(axis=1)] == classes).all()
    np.testing.assert_array_equal(coordinates, umap_coordinates(far))
    drawn = dict(draw_figures(zoo, range(38), tmp_path))
    assert [*drawn] == ["accuracy.png", "members-activation.png", "umap-activation.png"]
    with Image.open(tmp_path / "umap-activation.png") as image:
        assert np.asarray(image.convert("L")).std() > 5


def test_without_umap_the_page_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("lemur_zoo.report.figures.find_spec", lambda _: None)
    zoo = Zoo(synthetic(tmp_path / "zoo", members=40))
    write_report(zoo, report_on(zoo, tmp_path, 5.0), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "pictures by UMAP: not drawn (pip install 'lemur-zoo\\[umap\\]')" in card


def test_few_members_have_no_picture_by_umap(tmp_path):
    zoo = Zoo(synthetic(tmp_path / "zoo", members=14))
    write_report(zoo, report_on(zoo, tmp_path, 5.0), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "pictures by UMAP: not drawn (12 members; expected more than 15)" in page


@pytest.mark.parametrize("name", ["README.md", "report.html"])
def test_a_file_that_is_not_of_a_report_is_kept(small, tmp_path, name):
    (tmp_path / name).write_text("# My project\n")
    with pytest.raises(SettingsError) as caught:
        commands.main(["report", str(small), "--out", str(tmp_path)], standalone_mode=False)
    assert str(caught.value) == (
        f"{tmp_path / name}: was not written by lemur zoo report; name another folder with --out"
    )
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "# My project\n"


def test_a_report_replaces_an_earlier_one(tmp_path):
    zoo = Zoo(synthetic(tmp_path / "zoo", members=20))
    numbers = report_on(zoo, tmp_path, 5.0)
    write_report(zoo, numbers, tmp_path / "out")
    card = tmp_path / "out" / "README.md"
    text = card.read_text()
    card.write_text(f"{text}\nCC0\n")
    write_report(zoo, numbers, tmp_path / "out")
    assert card.read_text() == text


def test_names_in_a_page_and_a_card_are_text(tmp_path):
    name = "<script>alert(1)</script>|`x`[y](z)"
    zoo = Zoo(synthetic(tmp_path / "zoo", members=20, name=name))
    write_report(zoo, report_on(zoo, tmp_path, 5.0), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "script" not in Page(page).tags
    card = (tmp_path / "out" / "README.md").read_text()
    assert "# Zoo &lt;script&gt;alert(1)&lt;/script&gt;\\|\\`x\\`\\[y\\](z)\n" in card


def test_an_imported_zoo_is_compared_at_its_last_epoch_without_members_that_were_stopped(
    small, tmp_path
):
    import shutil

    run("export", small, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "NN_tune_trainable_00003" / "checkpoint_000002")
    read = tmp_path / "read"
    run("import", tmp_path / "out", "--out", read, "--dataset", "digits", "--db", tmp_path / "db")
    numbers = report_on(Zoo(read), tmp_path, 5.0)
    assert numbers.epoch == 2
    assert 3 not in numbers.kept
    assert len(numbers.kept) == len(report_on(Zoo(small), tmp_path, 5.0).kept) - 1
    assert "the images of an imported zoo are not known" in numbers.notes[0]
    assert f"next: lemur zoo report {read}" in run("show", read)
