"""Sentences of token ids: a dataset without images, and a net for it."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from lemur_core.kinds.loader import DataBundle, InMemory

TOKENS, PADDING = 8, 0


class Sentences:
    """Sentences of class 0 hold tokens 1 to 3, those of class 1 tokens 4 to 7."""

    def __init__(self, count):
        self.targets = [index % 2 for index in range(count)]

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        length, target = 2 + index % 3, self.targets[index]
        return 1 + 3 * target + torch.arange(length) % 3, target


def padded(samples):
    """Make a batch of sentences of different lengths."""
    texts, targets = zip(*samples, strict=True)
    return pad_sequence(texts, batch_first=True, padding_value=PADDING), torch.tensor(targets)


def sentences(folder, task):
    """Sentences that are created on access; 40 for training."""
    return DataBundle(Sentences(40), Sentences(10), (2,), 0.5, collate=padded)


def in_memory(folder, task):
    """Sentences of one length, in memory."""
    samples = Sentences(40)
    texts = torch.stack([samples[index][0][:2] for index in range(40)])
    held = InMemory(texts, torch.tensor(samples.targets))
    return DataBundle(held, held, (2,), 0.5)


def supported_hyperparameters():
    return {"lr": "0.1..0.5"}


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.words = nn.Embedding(TOKENS, *out_shape, padding_idx=PADDING)

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), prm["lr"])

    def learn(self, train_data):
        for texts, targets in train_data:
            assert texts.dtype == torch.int64
            self.optimizer.zero_grad()
            functional.cross_entropy(self(texts), targets).backward()
            self.optimizer.step()

    def forward(self, texts):
        return self.words(texts).sum(1)
