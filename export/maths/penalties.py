"""Functions of a difference that grow more slowly than its square, elementwise.

References:
    Charbonnier, Blanc-Feraud, Aubert and Barlaud, "Two deterministic half-quadratic regularization
    algorithms for computed imaging", ICIP 1994; Meister, Hur and Roth, "UnFlow", AAAI 2018.
"""

from __future__ import annotations

from torch import Tensor


def charbonnier(x: Tensor, y: Tensor, *, epsilon: float) -> Tensor:
    r""":math:`\sqrt{(x - y)^2 + \epsilon^2}`, elementwise."""
    return ((x - y).square() + epsilon**2).sqrt()


def generalised_charbonnier(x: Tensor) -> Tensor:
    """``(x^2 + 1e-6)^0.45``, elementwise; 0.001995 at zero. UnFlow's."""
    return (x.square() + 1e-6).pow(0.45)
