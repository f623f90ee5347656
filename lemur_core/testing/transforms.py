"""The rules of transforms."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from lemur_core.entry import Entry
from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation, as_transform
from lemur_core.testing.discs import box_of, bright, centre_of, draw_disc, is_whole
from lemur_core.testing.objects import Objects, check_target, target_of

# How often one that draws at random is tried.
_DRAWS = 5
# In pixels: so far an edge may be from where its object ends, as pixels are whole.
_NEAR = 2
# In pixels: so far the centre of a mask or box may be from that of its object. A mask resized by
# "nearest" is off by about a half.
_CENTRED = 0.25
# Where the transform keeps the size of images, in pixels.
_SIZE = 64


class TransformRules:
    """A transform maps uint8 images to what nets are fed, and targets that lie in them too."""

    def test_transform_gives_what_nets_are_fed(self, transform: Entry) -> None:
        """Of the type and size that its entry promises, and finite."""
        for channels in (1, 3):
            for training in (True, False):
                images = _images(channels)
                fed = _fed(transform, _made(transform, channels).train(training), images)
                size = transform.size or images.shape[-1]
                where = f"transform {transform.name!r}"
                assert fed.dtype == getattr(torch, transform.dtype), (
                    f"{where}: gives {fed.dtype}; its entry says {transform.dtype}"
                )
                assert fed.shape == (4, channels, size, size), (
                    f"{where}: maps {tuple(images.shape)} to {tuple(fed.shape)}; "
                    f"expected {(4, channels, size, size)}"
                )
                assert fed.isfinite().all(), f"{where}: gives values that are not finite"

    def test_transform_leaves_its_input_alone(self, transform: Entry) -> None:
        """The images are the data set's own."""
        images = _images(3)
        kept = images.clone()
        _fed(transform, _made(transform, 3).train(), images)
        assert torch.equal(images, kept), f"transform {transform.name!r}: alters its input"

    def test_transform_draws_nothing_when_scoring(self, transform: Entry) -> None:
        """In evaluation the same image gives the same input."""
        made, images = _made(transform, 3).eval(), _images(3)
        assert torch.equal(_fed(transform, made, images), _fed(transform, made, images)), (
            f"transform {transform.name!r}: is random in eval(); draw in training only"
        )

    def test_transform_draws_from_the_global_seed(self, transform: Entry) -> None:
        """So that a trial's seed decides what its nets are fed."""
        made, images, fed = _made(transform, 3).train(), _images(3), []
        for _ in range(2):
            torch.manual_seed(0)
            fed.append(_fed(transform, made, images))
        assert torch.equal(*fed), (
            f"transform {transform.name!r}: differs after the same torch.manual_seed"
        )

    def test_transform_invents_no_class(self, transform: Entry) -> None:
        """A mask is moved with its image, and each of its pixels has a class that was there."""
        made = _made(transform, 3).train()
        if not hasattr(made, "pair") or not transform.serves("img-segmentation"):
            return
        for image in _images(3):
            mask = torch.where(image[0] < 64, 0, torch.where(image[0] < 128, 7, IGNORED))
            pair: Any = made.pair
            fed, moved = pair(image, mask)
            where = f"transform {transform.name!r}"
            assert moved.dtype == torch.int64, f"{where}: gives a mask of {moved.dtype}"
            assert moved.shape == fed.shape[1:], (
                f"{where}: gives an input of {tuple(fed.shape)} and a mask of {tuple(moved.shape)}"
            )
            assert set(moved.unique().tolist()) <= {0, 7, IGNORED}, (
                f"{where}: makes classes of 0, 7 and {IGNORED} into {moved.unique().tolist()}; "
                "resize masks by the nearest pixel"
            )

    def test_transform_moves_boxes_with_their_image(self, transform: Entry) -> None:
        """A bright object on dark ground is where its box is, or both were cut away."""
        for training, seed in [(False, 0), *((True, seed) for seed in range(_DRAWS))]:
            made = _of_objects(transform, training, seed)
            if made is None:
                return
            image = torch.zeros(3, 60, 90, dtype=torch.uint8)
            image[:, 15:45, 20:65] = 255
            target = target_of(torch.tensor([[20.0, 15, 65, 45]]), torch.tensor([1]), 0)
            fed, moved = made(image, _annotated(target, image))
            where = f"transform {transform.name!r}"
            assert training or len(moved["boxes"]), f"{where}: drops a box in eval()"
            check_target(where, moved, fed, 2)
            for box in moved["boxes"]:
                lies = box_of(bright(fed))
                assert (box - lies).abs().max() < _NEAR, (
                    f"{where}: gives the box {box.tolist()} of an object at {lies.tolist()}"
                )

    def test_transform_keeps_masks_and_boxes_on_their_image(self, transform: Entry) -> None:
        """A disc has the same centre in the image, in its mask and in its box.

        A mask that is resized by ``nearest``, as torch and torchvision do by default, lies up to
        half a pixel to the right of its image and below it; ``nearest-exact`` shares its grid.
        """
        made = _made(transform, 3)
        if not hasattr(made, "pair"):
            return
        size = transform.size or _SIZE
        # Of odd sides no two pixels are equally near to one of the result.
        image, mask = draw_disc(5 * size // 4 | 1, 3 * size // 2 | 1)
        for training, seed in [(False, 0), (True, 1), (True, 2)]:
            for name, target in _of_disc(transform, image, mask):
                torch.manual_seed(seed)
                pair: Any = made.train(training).pair
                fed, moved = pair(image, target)
                lies = bright(fed)
                if is_whole(lies):
                    _check_centred(transform, centre_of(lies), name, moved)

    def test_transform_keeps_what_belongs_to_an_object(self, transform: Entry) -> None:
        """Where it leaves out boxes, it leaves out their labels and all the rest with them."""
        for seed in range(_DRAWS):
            made = _of_objects(transform, True, seed)
            if made is None:
                return
            image = torch.zeros(3, 60, 90, dtype=torch.uint8)
            at = torch.arange(24)
            corners = torch.stack([15 * (at % 6), 15 * (at // 6)], 1)
            boxes = torch.cat([corners, corners + 5 + 5 * (at % 2)[:, None]], 1).float()
            target = target_of(boxes, at + 1, 7) | {"iscrowd": at % 2}
            fed, moved = made(image, _annotated(target, image))
            where = f"transform {transform.name!r}"
            check_target(where, moved, fed, 25)
            assert torch.equal(moved["iscrowd"], (moved["labels"] - 1) % 2), (
                f"{where}: gives objects of the labels {moved['labels'].tolist()} "
                f"what belongs to others: {moved['iscrowd'].tolist()}"
            )


def _of_objects(transform: Entry, training: bool, seed: int) -> Any:
    """Return what moves an image and its objects, or None where it moves none."""
    made = _made(transform, 3).train(training)
    torch.manual_seed(seed)
    return getattr(made, "pair", None) if transform.serves("obj-detection") else None


def _annotated(target: Objects, image: Tensor) -> Objects:
    """Return the target with its boxes and masks as torchvision's transforms know them."""
    # What is not built on it takes a plain tensor.
    if find_spec("torchvision") is None:
        return target
    tv_tensors = import_module("torchvision.tv_tensors")
    boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=image.shape[-2:])
    masks = {"masks": tv_tensors.Mask(target["masks"])} if "masks" in target else {}
    return target | {"boxes": boxes} | masks


def _of_disc(transform: Entry, image: Tensor, mask: Tensor) -> Iterator[tuple[str, Any]]:
    """Yield the targets of a disc, each with the task that has such targets."""
    if transform.serves("img-segmentation"):
        yield "img-segmentation", mask.long()
    if transform.serves("obj-detection"):
        target = target_of(box_of(mask).float()[None], torch.tensor([1]), 0)
        yield "obj-detection", _annotated(target | {"masks": mask.to(torch.uint8)[None]}, image)


def _check_centred(transform: Entry, lies: Tensor, task: str, moved: Any) -> None:
    found = {}
    if task == "img-segmentation":
        found["mask"] = moved == 1
    elif len(moved["boxes"]):
        box = moved["boxes"].as_subclass(Tensor)[0]
        found = {"mask": moved["masks"].as_subclass(Tensor)[0] == 1, "box": box}
    for name, place in found.items():
        assert place.any(), f"transform {transform.name!r}: drops the {name} of a disc"
        centre = (place[:2] + place[2:]) / 2 if name == "box" else centre_of(place)
        assert (centre - lies).abs().max() < _CENTRED, (
            f"transform {transform.name!r}: moves the centre of a disc to {_place(lies)} in the "
            f"image and to {_place(centre)} in its {name}; resize both on one grid, masks by "
            "nearest-exact"
        )


def _place(centre: Tensor) -> str:
    return "x={:.2f} y={:.2f}".format(*centre.tolist())


def _fed(transform: Entry, made: nn.Module, images: Tensor) -> Tensor:
    if not hasattr(made, "pair"):
        fed: Tensor = made(images)
        return fed
    pair: Any = made.pair
    return torch.stack([pair(image, _nothing(transform, image))[0] for image in images])


def _nothing(transform: Entry, image: Tensor) -> Any:
    """Return the target of an image with nothing in it."""
    if transform.serves("img-segmentation"):
        return torch.zeros(image.shape[1:], dtype=torch.int64)
    nothing = target_of(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0)
    return _annotated(nothing, image)


def _images(channels: int) -> Tensor:
    drawn = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, channels, 28, 28), dtype=torch.uint8, generator=drawn)


def _made(transform: Entry, channels: int) -> nn.Module:
    normalisation = Normalisation((0.4,) * channels, (0.2,) * channels)
    return as_transform(transform.load(), normalisation, transform.name)
