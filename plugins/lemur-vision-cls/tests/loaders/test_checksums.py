"""torchvision's checksums are verified unless a test disables them."""

import pytest

from lemur_core.errors import MissingDataError
from lemur_vision_cls.loaders import cifar, places, svhn

from .writing import write_cifar_10, write_places365, write_svhn

TASK = "img-classification"


@pytest.mark.parametrize(
    ("write", "load"),
    [
        (write_cifar_10, cifar.cifar_10),
        (write_svhn, svhn.load),
        (write_places365, places.load),
    ],
)
def test_files_with_other_checksums_are_refused(write, load, tmp_path):
    write(tmp_path)
    with pytest.raises(MissingDataError, match="is damaged, or of another dataset: .*corrupted"):
        load(tmp_path, TASK)
