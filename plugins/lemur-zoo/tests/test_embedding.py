"""The auto-encoder of weights, its judgement, and nets that are sampled from it."""

import shutil

import numpy as np
import pytest
import torch

from lemur_core.errors import MisfitError
from lemur_zoo import Zoo
from lemur_zoo.analysis.prediction import predict
from lemur_zoo.embedding.autoencoder import AutoEncoder, embed, fit, load, save
from lemur_zoo.embedding.judging import judge
from lemur_zoo.embedding.sampling import anchors_of, compare, sample
from lemur_zoo.evaluation import zoo_images
from lemur_zoo.storage.header import ZooError

from .conftest import run


@pytest.fixture
def zoo(small, tmp_path):
    return Zoo(shutil.copytree(small, tmp_path / "copy"))


@pytest.fixture(scope="module")
def fitted(small):
    return fit(Zoo(small), [1, 2], latent=4, epochs=60, augment=False)


def test_the_loss_is_that_of_standardised_weights(small):
    zoo = Zoo(small)
    model = AutoEncoder(zoo.parameters, 3)
    rows = torch.from_numpy(zoo.at(-1))
    model.standardise(rows)
    scaled = (rows - model.mean) / model.scale
    start = 0
    for size in model.sizes:
        part = scaled[:, start : start + size]
        start += size
        assert part.mean().item() == pytest.approx(0, abs=1e-4)
        assert part.std().item() in (pytest.approx(1, rel=1e-3), 0)
    for layer in model.decoder:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    # What decodes to the mean weights has the loss that their variance has.
    expected = ((rows - model.mean) / model.scale).square().mean().item()
    assert model.loss(rows).item() == pytest.approx(expected)


def test_training_lowers_the_loss_and_the_seed_repeats_it(small, fitted):
    assert fitted.train < 0.5
    rows = Zoo(small).at(-1)
    again = fit(Zoo(small), [1, 2], latent=4, epochs=60, augment=False)
    np.testing.assert_array_equal(embed(again.model, rows), embed(fitted.model, rows))
    permuted = fit(Zoo(small), [1, 2], latent=4, epochs=3)
    assert permuted.train > fitted.train


def test_the_embedding_is_stored_and_read(zoo, fitted):
    with pytest.raises(ZooError, match="has no embedding; run lemur zoo embed"):
        load(zoo)
    path = save(fitted.model, zoo)
    rows = zoo.at(-1)
    np.testing.assert_array_equal(embed(load(zoo), rows), embed(fitted.model, rows))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ZooError, match=r"embedding\.npz: is damaged \("):
        load(zoo)
    other = Zoo(zoo.path)
    save(fitted.model, zoo)
    object.__setattr__(other.header, "uid", "another")
    with pytest.raises(ZooError, match="is the embedding of another zoo"):
        load(other)


def test_weights_and_statistics_are_judged_as_in_the_report(small, fitted):
    judged = judge(Zoo(small), fitted.model, [1, 2])
    predicted, _ = predict(Zoo(small), [1, 2])
    assert [row[:4] for row in judged] == [tuple(row) for row in predicted]
    assert {"test accuracy", "epoch", "init"} <= {row.target for row in judged}


def test_samples_are_drawn_near_the_best_training_members(small):
    zoo = Zoo(small)
    anchors = anchors_of(zoo)
    members = zoo.members.loc[anchors]
    assert len(anchors) == 3
    assert set(members["split"]) == {"train"}
    assert members["activation"].nunique() == 1
    accuracies = zoo.members.query("split == 'train'")["validation_accuracy"]
    assert members["validation_accuracy"].iloc[0] == accuracies.max()
    assert members["validation_accuracy"].is_monotonic_decreasing

    class Identity(torch.nn.Module):
        def encode(self, rows):
            return rows[:, :5]

        def decode(self, embeddings):
            return embeddings

    known = zoo.at(-1, anchors)[:, :5].astype(float)
    drawn = sample(zoo, Identity(), 20_000, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(0), known.mean(0), atol=0.02 * np.abs(known).max())
    # The variance of a kernel density estimate is that of its points and that of its kernel.
    bandwidth = known.std(0, ddof=1) * 3**-0.2
    np.testing.assert_allclose(drawn.var(0), known.var(0) + bandwidth**2, rtol=0.05)


def test_sampled_and_fresh_nets_are_trained_alike(small):
    zoo = Zoo(small)
    images = zoo_images(zoo, None)

    class Best(torch.nn.Module):
        """Decodes to the best member, whatever the embedding."""

        def encode(self, rows):
            return rows[:, :2]

        def decode(self, embeddings):
            best = torch.from_numpy(zoo.weights(anchors_of(zoo)[0]).copy())
            return best.expand(len(embeddings), -1)

    best = anchors_of(zoo)[0]
    seed = zoo.population[best].seed
    comparison = compare(zoo, Best(), images, count=2, epochs=2, seed=seed - 1)
    assert comparison.sampled.shape == comparison.fresh.shape == (3, 2)
    assert comparison.sampled[0].tolist() == pytest.approx([zoo.scores[best, 2, 2, 1]] * 2)
    # The first fresh net has the seed and the hyperparameters of the best member.
    assert comparison.fresh[:, 0].tolist() == pytest.approx(zoo.scores[best, :, 2, 1].tolist())


def test_the_commands_embed_and_sample(zoo):
    output = run("embed", zoo.path, "--latent", 4, "--epochs", 5)
    assert f"wrote {zoo.path / 'embedding.npz'}; next: lemur zoo sample {zoo.path}" in output
    assert "from the embedding" in output
    output = run("sample", zoo.path, "--members", 2, "--epochs", 1)
    assert len(output.splitlines()) == 3
    other = run("sample", zoo.path, "--members", 2, "--epochs", 1, "--on", "digits[samples=50]")
    assert other.splitlines()[0] == output.splitlines()[0]
    assert other != output


def test_a_dataset_of_other_classes_is_refused(zoo, monkeypatch):
    from lemur_zoo import images
    from lemur_zoo.cli import embed as command

    loaded = zoo_images(zoo, None)._replace(classes=3)
    monkeypatch.setattr(images, "load_images", lambda spec, data: loaded)
    with pytest.raises(MisfitError, match="--on digits: has 3 classes, and the members of the zoo"):
        command._images(zoo, "digits", None)
