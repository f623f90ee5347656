"""Functions of vectors: activations, as accurate as float32 is, and their derivatives."""

from __future__ import annotations

from lemur_zoo.engine.lanes.compiling import inline
from lemur_zoo.engine.lanes.vectors import exponent, fma, power_of_two, select, sqrt

NONE, TANH, SIGMOID, RELU, GELU = range(5)
ACTIVATIONS = {"tanh": TANH, "sigmoid": SIGMOID, "relu": RELU, "gelu": GELU}


@inline
def exp(x):
    """Return e**x, at least 1e-38 and at most 2.2e38; NaN stays NaN."""
    # As in the Cephes library: x = n log 2 + r, and a polynomial of r.
    x = select(x > 88.3, 88.3, select(x < -87.3, -87.3, x))
    n = (x * 1.44269504 + 12582912.0) - 12582912.0
    r = fma(n, 2.12194440e-4, fma(n, -0.693359375, x))
    p = fma(fma(r, 1.9875691500e-4, 1.3981999507e-3), r, 8.3334519073e-3)
    p = fma(fma(fma(p, r, 4.1665795894e-2), r, 1.6666665459e-1), r, 5.0000001201e-1)
    return (fma(p, r * r, r) + 1.0) * power_of_two(n)


@inline
def log(x):
    """Return the natural logarithm of x, 2**-126 or more; NaN and infinity stay what they are."""
    # As in the Cephes library: x = 2^n (1 + r), and a polynomial of r, -0.3 to 0.42.
    n = exponent(x)
    m = x * power_of_two(0.0 - n)
    n, m = select(m > 1.41421356, n + 1.0, n), select(m > 1.41421356, m * 0.5, m)
    r = m - 1.0
    z = r * r
    p = fma(fma(r, 7.0376836292e-2, -1.1514610310e-1), r, 1.1676998740e-1)
    p = fma(fma(fma(p, r, -1.2420140846e-1), r, 1.4249322787e-1), r, -1.6668057665e-1)
    p = fma(fma(fma(p, r, 2.0000714765e-1), r, -2.4999993993e-1), r, 3.3333331174e-1)
    small = fma(z, -0.5, fma(n, -2.12194440e-4, p * r * z))
    return select(x > 3.4028234e38, x, fma(n, 0.693359375, r + small))


@inline
def circle(turn):
    """Return the cosine and the sine of an angle, given as a part of a full turn, 0 to 1."""
    quarters = turn * 4.0
    q = (quarters + 12582912.0) - 12582912.0
    x = (quarters - q) * 1.57079632679
    z = x * x
    s = fma(fma(fma(z, -1.9515295891e-4, 8.3321608736e-3), z, -1.6666654611e-1), z * x, x)
    c = fma(fma(z, 2.443315711809948e-5, -1.388731625493765e-3), z, 4.166664568298827e-2)
    c = fma(c, z * z, fma(z, -0.5, 1.0))
    cosine = select(q == 1.0, 0.0 - s, select(q == 2.0, 0.0 - c, select(q == 3.0, s, c)))
    sine = select(q == 1.0, c, select(q == 2.0, 0.0 - s, select(q == 3.0, 0.0 - c, s)))
    return cosine, sine


@inline
def normals(x, y):
    """Return two standard normal numbers (Box and Muller 1958), given x in (0, 1], y in [0, 1)."""
    radius = sqrt(log(x) * -2.0)
    cosine, sine = circle(y)
    return radius * cosine, radius * sine


@inline
def tanh(x):
    """Return the hyperbolic tangent."""
    z = x * x
    p = fma(fma(z, -5.70498872745e-3, 2.06390887954e-2), z, -5.37397155531e-2)
    p = fma(fma(p, z, 1.33314422036e-1), z, -3.33332819422e-1)
    return select(z < 0.390625, fma(p * z, x, x), 1.0 - 2.0 / (exp(x + x) + 1.0))


@inline
def sigmoid(x):
    """Return the logistic function."""
    return 1.0 / (exp(0.0 - x) + 1.0)


@inline
def relu(x):
    """Return max(x, 0); NaN stays NaN."""
    return select(x <= 0.0, 0.0, x)


@inline
def erf(x):
    """Return the error function: a rational minimax approximation on [-4, 4], as Eigen has it."""
    x = select(x > 4.0, 4.0, select(x < -4.0, -4.0, x))
    z = x * x
    p = fma(fma(z, -2.72614225801306e-10, 2.77068142495902e-08), z, -2.10102402082508e-06)
    p = fma(fma(p, z, -5.69250639462346e-05), z, -7.34990630326855e-04)
    p = fma(fma(p, z, -2.95459980854025e-03), z, -1.60960333262415e-02)
    q = fma(fma(z, -1.45660718464996e-05, -2.13374055278905e-04), z, -1.68282697438203e-03)
    q = fma(fma(q, z, -7.37332916720468e-03), z, -1.42647390514189e-02)
    return x * p / q


@inline
def normal(x):
    """Return the probability that a standard normal number is at most x."""
    return fma(erf(x * 0.70710678118654752), 0.5, 0.5)


@inline
def activate(kind, x):
    """Return the activation of x."""
    if kind == TANH:
        return tanh(x)
    if kind == SIGMOID:
        return sigmoid(x)
    if kind == RELU:
        return relu(x)
    if kind == GELU:
        return x * normal(x)
    return x


@inline
def through(kind, gradient, x, y):
    """Return the gradient of x, given that of the activation y of x. Only GELU reads x."""
    if kind == TANH:
        return gradient * (1.0 - y * y)
    if kind == SIGMOID:
        return gradient * ((1.0 - y) * y)
    if kind == RELU:
        return select(y <= 0.0, 0.0, gradient)
    if kind == GELU:
        return gradient * fma(exp(x * x * -0.5) * x, 0.3989422804014327, normal(x))
    return gradient
