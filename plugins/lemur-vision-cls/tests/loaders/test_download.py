"""Archives downloaded from a server on this machine, by torchvision's own table of addresses."""

import functools
import hashlib
import tarfile
import threading
import urllib.error
import urllib.request
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchvision import datasets

from lemur_core.errors import FetchError
from lemur_vision_cls import plugin

from .writing import idx_bytes, write_cifar_10, write_mnist, write_places365

TASK = "img-classification"
ENTRIES = {entry.name: entry for entry in plugin.lemur_register_loaders()}
FIRST = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
    "mnist-10k": "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
    "train-images-idx3-ubyte.gz",
    "cifar-10": "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    "cifar-100": "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    "svhn": "http://ufldl.stanford.edu/housenumbers/train_32x32.mat",
    "usps": "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.bz2",
    "stl-10": "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
    "imagenette": "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz",
    "tiny-imagenet": "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    "eurosat": "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
    "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
    "places365": "http://data.csail.mit.edu/places/places365/filelist_places365-standard.tar",
}

pytestmark = pytest.mark.usefixtures("any_checksum")


def load(name, folder):
    return ENTRIES[name].load()(folder, TASK)


def download(name, folder):
    ENTRIES[name].load().download(folder, lambda fetching: None)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def served(tmp_path):
    """Return a folder whose files a server serves, and the server's address."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def md5(file):
    return hashlib.md5(file.read_bytes()).hexdigest()


def tar(file, folder, names):
    with tarfile.open(file, "w") as archive:
        for arcname, name in names.items():
            archive.add(folder / name, arcname)
    return file.name, md5(file)


def test_every_loader_with_a_download_is_tested_here():
    assert {name for name, entry in ENTRIES.items() if hasattr(entry.load(), "download")} == set(
        FIRST
    )


@pytest.mark.parametrize("name", FIRST)
def test_without_a_network_the_address_is_named(name, tmp_path, monkeypatch):
    requests = []

    def no_network(request, **options):
        requests.append(request.full_url)
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.raises(FetchError) as caught:
        download(name, tmp_path)
    assert requests[0] == FIRST[name]
    assert str(caught.value) == (
        f"{requests[0]} cannot be reached: Name or service not known; is there a network?"
    )


def test_an_archive_is_downloaded_and_read(served, tmp_path, monkeypatch):
    folder, url = served
    written = write_cifar_10(tmp_path / "published")
    name = "cifar-10-batches-py"
    archive, digest = tar(folder / "cifar.tar", tmp_path / "published", {name: name})
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{url}{archive}")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", digest)
    data = tmp_path / "data"
    download("cifar-10", data)
    assert load("cifar-10", data).test.targets.tolist() == written["test"][1].tolist()
    assert [file.name for file in data.iterdir()] == [name]


def test_mnist_is_downloaded_from_the_next_mirror_if_the_first_fails(served, tmp_path, monkeypatch):
    folder, url = served
    (folder / "second").mkdir()
    written = write_mnist(folder, "second")
    resources = [(file.name, md5(file)) for file in sorted((folder / "second").iterdir())]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{url}first/", f"{url}second/"])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    data = tmp_path / "data"
    download("mnist-10k", data)
    assert len(list((data / "mnist").iterdir())) == 2
    download("mnist", data)
    assert load("mnist", data).train.targets.tolist() == written["train"][1].tolist()


def test_mnist_files_are_only_downloaded_again_if_damaged(served, tmp_path, monkeypatch):
    folder, url = served
    write_mnist(folder, "mnist")
    resources = [(file.name, md5(file)) for file in sorted((folder / "mnist").iterdir())]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{url}mnist/"])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    data = tmp_path / "data"
    download("mnist", data)
    [images, *_] = sorted((data / "mnist").iterdir())
    images.write_bytes(idx_bytes([1, 2, 3]))
    for file in (folder / "mnist").iterdir():
        if file.name != images.name:
            file.unlink()
    download("mnist", data)
    assert len(load("mnist", data).test) == 20


def test_places365_unpacks_to_the_folders_that_torchvision_expects(served, tmp_path, monkeypatch):
    folder, url = served
    written = write_places365(tmp_path / "published")
    published = tmp_path / "published" / "places365"
    lists = [file.name for file in published.glob("*.txt")]
    source = datasets.Places365
    monkeypatch.setattr(source, "_BASE_URL", url)
    devkit = tar(folder / "lists.tar", published, {name: name for name in lists})
    train = tar(folder / "train.tar", published, {"data_256": "data_256_standard"})
    val = tar(folder / "val.tar", published, {"val_256": "val_256"})
    monkeypatch.setattr(source, "_DEVKIT_META", {"standard": devkit})
    images = {("train-standard", True): train, ("val", True): val}
    monkeypatch.setattr(source, "_IMAGES_META", images)
    data = tmp_path / "data"
    download("places365", data)
    assert len(load("places365", data).train) == len(written["train"])
    # Existing files are not downloaded again.
    for file in folder.iterdir():
        file.unlink()
    download("places365", data)
