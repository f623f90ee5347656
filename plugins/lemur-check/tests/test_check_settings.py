"""The defaults of a check."""

import pytest

from lemur_check.check_settings import CheckSettings
from lemur_check.conditions import Conditions
from lemur_check.sandbox import Limits
from lemur_core import Entry, Registry
from lemur_core.errors import SettingsError, UnknownNameError

IMAGES, TEXTS = "img-classification", "txt-generation"


def registry(*, loaders=(), metrics=()):
    """Return a registry with a demo net, demo images, and texts without a metric."""
    return (
        Registry()
        .with_entries("data", "loader", [
            Entry("blobs", "json:loads", (IMAGES,), size=8, demo=True),
            Entry("large", "json:loads", (IMAGES,), size=224, demo=True),
            Entry("words", "json:loads", (TEXTS,)),
            *loaders,
        ])
        .with_entries("metrics", "metric", [
            Entry("hits", "json:loads", (IMAGES,), demo=True), *metrics,
        ])
    )  # fmt: skip


def test_defaults_are_the_demo_entries_with_the_smallest_images():
    exact = Entry("exact", "json:loads", (TEXTS,), demo=True)
    assert CheckSettings().completed(registry()) == CheckSettings(IMAGES, "blobs", "hits")
    assert CheckSettings(dataset="words").completed(registry(metrics=[exact])) == CheckSettings(
        TEXTS, "words", "exact"
    )
    assert CheckSettings(dataset="blobs[samples=9]").completed(registry()).task == IMAGES
    named = CheckSettings("a", "b", "c")
    assert named.completed(registry()) == named


def test_unusable_settings_are_errors():
    with pytest.raises(SettingsError) as raised:
        CheckSettings(task=TEXTS).completed(registry())
    assert str(raised.value) == (
        f"no installed plugin marks a dataset for {TEXTS} as a demo; name a dataset"
    )
    with pytest.raises(UnknownNameError, match="^unknown dataset 'nowhere'"):
        CheckSettings(dataset="nowhere").completed(registry())
    both = Entry("both", "json:loads", (IMAGES, TEXTS))
    with pytest.raises(SettingsError) as raised:
        CheckSettings(dataset="both").completed(registry(loaders=[both]))
    assert str(raised.value) == (
        f"dataset 'both' serves {IMAGES}, {TEXTS}; name one of these tasks"
    )


def test_the_key_of_a_check_does_not_change_between_versions():
    conditions = Conditions("bubblewrap", Limits(), {"python": "3.11", "torch": "2.15"})
    settings = CheckSettings(IMAGES, "blobs", "hits", prm={"lr": 0.1, "name": "\u00e4"}, epochs=2)
    assert settings.key("x = 1", None, conditions) == "51d0418442abcd51254efca080cde48c"
