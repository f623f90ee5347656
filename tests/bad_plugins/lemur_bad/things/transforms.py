"""Transforms with one fault each."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate


class Good(nn.Module):
    def __init__(self, normalisation):
        super().__init__()

    def forward(self, images):
        return images / 255


class AltersInput(Good):
    def forward(self, images):
        images[0] = 7
        return super().forward(images)


class RandomInEval(Good):
    def forward(self, images):
        return super().forward(images) + torch.rand(())


class Noisy(Good):
    def forward(self, images):
        noise = torch.rand(()) if self.training else 0
        return super().forward(images) + noise


class WrongType(Good):
    def forward(self, images):
        return images.double() / 255


class NotFinite(Good):
    def forward(self, images):
        return super().forward(images) + float("inf")


class IgnoresTheSeed(Good):
    def __init__(self, normalisation):
        super().__init__(normalisation)
        self.generator = torch.Generator()

    def forward(self, images):
        noise = torch.rand((), generator=self.generator) if self.training else 0
        return super().forward(images) + noise


class InventsClass(nn.Module):
    def __init__(self, normalisation):
        super().__init__()

    def pair(self, image, mask):
        averaged = avg_pool2d(mask[None, None].float(), 3, stride=1, padding=1)
        return image.float() / 255, averaged[0, 0].round().long()


class MaskFromTheCorner(nn.Module):
    def __init__(self, normalisation):
        super().__init__()

    def pair(self, image, mask):
        small = interpolate(image[None] / 255, (64, 64), mode="bilinear", antialias=True)
        nearest = interpolate(mask[None, None].float(), (64, 64), mode="nearest")
        return small[0], nearest[0, 0].long()


class Mirrored(nn.Module):
    def __init__(self, normalisation):
        super().__init__()

    def boxes(self, boxes, width):
        left, top, right, bottom = boxes.unbind(1)
        return torch.stack([width - right, top, width - left, bottom], 1)

    def pair(self, image, target):
        moved = {"boxes": self.boxes(target["boxes"].as_subclass(torch.Tensor), image.shape[-1])}
        if "masks" in target:
            moved["masks"] = target["masks"].flip(-1)
        return image.flip(-1) / 255, target | moved


class LeavesBoxes(Mirrored):
    def boxes(self, boxes, width):
        return boxes


class PushesBoxesOut(Mirrored):
    def boxes(self, boxes, width):
        return super().boxes(boxes, width) + 40


class DropsBoxes(Mirrored):
    def pair(self, image, target):
        image, target = super().pair(image, target)
        names = ("boxes", "labels", "area", "iscrowd")
        return image, target | {name: target[name][:0] for name in names}


class SwapsLabels(Mirrored):
    def pair(self, image, target):
        image, target = super().pair(image, target)
        return image, target | {"labels": target["labels"].flip(0)}


bad_28 = Good
