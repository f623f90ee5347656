"""Batches of images that fit in memory, compared with a DataLoader that transforms single images.

    python benchmarks/batches.py [--rounds 7] [--images 10000]

Both programs make one pass over shuffled 32x32 colour images, mirrored at random, scaled and
normalised, float32, in batches of 128, on one CPU thread. The rival uses torchvision's transforms
on PIL images, as is usual for such datasets, without worker processes, whose processor time would
count too. The images are noise, which takes the same time.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import to_pil_image

from lemur_core.kinds.loader import InMemory, normalisation_of
from lemur_core.train.batches import batches
from lemur_vision_cls.transforms.norm import norm_32_flip

BATCH = 128


class PILImages(Dataset):
    """PIL images that are transformed one at a time."""

    def __init__(self, samples: InMemory, transform) -> None:
        self.images = [to_pil_image(image) for image in samples.inputs]
        self.targets, self.transform = samples.targets.tolist(), transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.transform(self.images[index]), self.targets[index]


def per_image_loader(samples: InMemory) -> DataLoader:
    transform = v2.Compose(
        [
            v2.Resize((32, 32)),
            v2.RandomHorizontalFlip(),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(*normalisation_of(samples.inputs)),
        ]
    )
    return DataLoader(PILImages(samples, transform), BATCH, shuffle=True)


def memory_loader(samples: InMemory):
    transform = norm_32_flip(normalisation_of(samples.inputs))
    return batches(samples, transform, BATCH, torch.device("cpu"), training=True)


def seconds_per_pass(data) -> float:
    started = time.process_time()
    for _ in data:
        pass
    return time.process_time() - started


def mean_and_deviation(data) -> tuple[float, float]:
    inputs = torch.cat([inputs for inputs, _ in data])
    return inputs.mean().item(), inputs.std().item()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (options.images, 3, 32, 32), generator=generator)
    samples = InMemory(images.to(torch.uint8), torch.arange(options.images) % 10)
    programs = {
        "DataLoader and PIL": per_image_loader(samples),
        "from memory": memory_loader(samples),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(options.rounds):
        for name, data in programs.items():
            times[name].append(seconds_per_pass(data))
    print(f"{'program':<20}{'images/s':>12}{'mean':>12}{'deviation':>12}")
    for name, seconds in times.items():
        mean, deviation = mean_and_deviation(programs[name])
        rate = options.images / statistics.median(seconds)
        print(f"{name:<20}{rate:12.0f}{mean:12.6f}{deviation:12.6f}")
    slow, fast = map(statistics.median, times.values())
    print(f"ratio {slow / fast:.1f}")


if __name__ == "__main__":
    main()
