"""Train and score the members of a group, whose net's functions are called by their addresses.

A number of a net, at place ``p`` among its parameters or values, is at ``p * lanes + l`` for the
member in lane ``l``. The places are those of `lemur_zoo.engine.lanes.program.Program`.
"""

from __future__ import annotations

import math

import numpy as np

from lemur_zoo import draws
from lemur_zoo.engine.lanes.compiling import call, inline, loop

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_LEFT, _RIGHT = (np.uint64(word) for word in draws.MULTIPLIERS)
_WEYL_LOW, _WEYL_HIGH = (np.uint64(word) for word in draws.WEYL)
_ROUNDS = draws.ROUNDS
_NOISE, _DROPPED = np.uint64(draws.NOISE), np.uint64(32 - draws.NOISE_BITS)
_UNIT = np.float32(2.0**-draws.NOISE_BITS)


@inline
def philox(a, b, c, d, key):
    """Return four random words, as `lemur_zoo.draws.philox` does; the key is 64 bits."""
    low, high = key & _LOW, key >> _HALF
    for _ in range(_ROUNDS):
        left, right = _LEFT * a, _RIGHT * c
        a, b = (right >> _HALF) ^ b ^ low, right & _LOW
        c, d = (left >> _HALF) ^ d ^ high, left & _LOW
        low, high = (low + _WEYL_LOW) & _LOW, (high + _WEYL_HIGH) & _LOW
    return a, b, c, d


@loop
def draw(values, lanes, masks, keys, thresholds, scales, epoch, position):
    """Write the factors of all dropout layers for the sample at a position of an epoch.

    Their places are filled up to a multiple of 4.
    """
    words = np.empty((4, lanes), np.uint64)
    for k in range(len(masks)):
        start, size = masks[k]
        for block in range((size + 3) // 4):
            for lane in range(lanes):
                words[0, lane], words[1, lane], words[2, lane], words[3, lane] = philox(
                    np.uint64(block), np.uint64(position), epoch, np.uint64(1 + k), keys[lane]
                )
            for j in range(4):
                place = (start + 4 * block + j) * lanes
                for lane in range(lanes):
                    # A product, because a branch on random bits costs more than all else.
                    kept = np.float32(words[j, lane] >= thresholds[lane])
                    values[place + lane] = kept * scales[lane]


@loop
def draw_uniform(values, lanes, noises, keys, epoch, position):
    """Write the uniform numbers of all noisy layers for the sample at a position of an epoch.

    They are in (0, 1] at even and in [0, 1) at odd elements, and become normal ones in pairs. Their
    places are filled up to a multiple of 4.
    """
    words = np.empty((4, lanes), np.uint64)
    for k in range(len(noises)):
        start, size = noises[k]
        for block in range((size + 3) // 4):
            for lane in range(lanes):
                words[0, lane], words[1, lane], words[2, lane], words[3, lane] = philox(
                    np.uint64(block), np.uint64(position), epoch, _NOISE + np.uint64(k), keys[lane]
                )
            for j in range(4):
                place, more = (start + 4 * block + j) * lanes, np.uint64(1 - j % 2)
                for lane in range(lanes):
                    number = (words[j, lane] >> _DROPPED) + more
                    values[place + lane] = np.float32(number) * _UNIT


@inline
def score(values, scores, classes, softmax, lanes, lane, target):
    """Return the cross-entropy of a sample, and whether the target alone or first is the largest.

    NaN is not the largest, and no number is larger than NaN.
    """
    given = values[(scores + target) * lanes + lane]
    total = np.float64(values[(softmax + 1) * lanes + lane])
    loss = math.log(total) + (np.float64(values[softmax * lanes + lane]) - given)
    hit = True
    for c in range(classes):
        other = values[(scores + c) * lanes + lane]
        hit = hit and (given > other if c < target else given >= other)
    return loss, hit


@loop
def train(
    program, step, parameters, gradient, first, second, values, settings, sizes, corrections,
    images, targets, order, batch, lanes, keys, thresholds, scales, epoch, losses, hits,
):  # fmt: skip
    """Train all members for the steps of an epoch.

    Args:
        program: The tuple ``(forwards, backwards, inputs, features, scores, classes,
            score_gradient, softmax, masks, noises, prepares, finishes)`` of a `Program`.
        step: Address of the optimizer's step on a part of the parameters.
        parameters: The parameters of all members, with what is computed from them, and with which
            the gradient is too.
        gradient: Zeros.
        first: First moments.
        second: Second moments.
        values: The values of the net.
        settings: Settings of the optimizer for each part, shape (parts, 4, lanes); see
            `optimizers`.
        sizes: Step size of each step and part, shape (steps, parts, lanes).
        corrections: Square root of Adam's second bias correction at each step, shape (steps,);
            empty for SGD.
        images: All elements of all images.
        targets: Class of each image.
        order: Images in the order in which each member uses them, shape (lanes, samples).
        batch: Number of images in a batch.
        lanes: Number of lanes.
        keys: Seed of each member, uint64.
        thresholds: Dropout's thresholds, uint64.
        scales: Dropout's scales, float32.
        epoch: Number of the epoch, uint64.
        losses: Sum of the losses is added to it, shape (lanes,), float64.
        hits: Number of hits is added to it, shape (lanes,), int64.
    """
    (
        forwards, backwards, inputs, features, scores, classes, score_gradient, softmax, masks,
        noises, prepares, finishes,
    ) = program  # fmt: skip
    p, g, v = parameters.ctypes.data, gradient.ctypes.data, values.ctypes.data
    m, n, o = first.ctypes.data, second.ctypes.data, settings.ctypes.data
    samples, parts = order.shape[1], sizes.shape[1]
    part_bytes, settings_bytes = 4 * first.size // parts, 16 * lanes
    for i in range(len(sizes)):
        begin, end = i * batch, min((i + 1) * batch, samples)
        share = np.float32(1.0 / (end - begin))
        for function in prepares:
            call(function, (p, v))
        for s in range(begin, end):
            for lane in range(lanes):
                image, place = order[lane, s] * features, inputs * lanes + lane
                for j in range(features):
                    values[place + j * lanes] = images[image + j]
            if len(masks):
                draw(values, lanes, masks, keys, thresholds, scales, epoch, s)
            if len(noises):
                draw_uniform(values, lanes, noises, keys, epoch, s)
            for function in forwards:
                call(function, (p, v))
            for lane in range(lanes):
                target = targets[order[lane, s]]
                loss, hit = score(values, scores, classes, softmax, lanes, lane, target)
                losses[lane] += loss
                hits[lane] += hit
                values[(score_gradient + target) * lanes + lane] -= np.float32(1.0)
            for j in range(score_gradient * lanes, (score_gradient + classes) * lanes):
                values[j] *= share
            for function in backwards:
                call(function, (p, v, g))
        for function in finishes:
            call(function, (p, v, g))
        for part in range(parts):
            settings[part, 1] = sizes[i, part]
            if len(corrections):
                settings[part, 2] = corrections[i]
            at = part * part_bytes
            call(step, (p + at, g + at, m + at, n + at, o + part * settings_bytes))


@loop
def evaluate(program, spread, parameters, values, images, targets, lanes, losses, hits):
    """Add the losses and the hits of all members on images; the arguments are those of `train`.

    The function at the address ``spread`` writes an image to all lanes.
    """
    forwards, _, _, features, scores, classes, _, softmax, _, _, _, _ = program
    p, v = parameters.ctypes.data, values.ctypes.data
    for s in range(len(targets)):
        call(spread, (images[s * features :].ctypes.data, v))
        for function in forwards:
            call(function, (p, v))
        for lane in range(lanes):
            loss, hit = score(values, scores, classes, softmax, lanes, lane, targets[s])
            losses[lane] += loss
            hits[lane] += hit
