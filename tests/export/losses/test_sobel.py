import torch

from framegauge.export.catalog import find
from framegauge.export.losses.sobel import sobel


def test_a_constant_offset_is_seen_at_the_border_only() -> None:
    x, y = torch.ones(1, 3, 5, 5, dtype=torch.float64), torch.zeros(1, 3, 5, 5).double()

    across, down = sobel(x - y)[0, :2].abs()

    # Zeros beyond the border: corners 6, edges 4, interior 0.
    edge, inner = [6.0, 4, 4, 4, 6], [4.0, 0, 0, 0, 4]
    assert (across + down).tolist() == [edge, inner, inner, inner, edge]
    assert find("sobel")(x, y).item() == 2.88


def test_an_impulse_gives_a_ring() -> None:
    impulse = torch.zeros(1, 1, 5, 5)
    impulse[..., 2, 2] = 1

    across, down = sobel(impulse)[0].abs()

    assert (across + down)[1:4, 1:4].tolist() == [[2, 2, 2], [2, 0, 2], [2, 2, 2]]
    assert (across + down).sum().item() == 16


def test_gradients_are_left_minus_right() -> None:
    ramp = torch.arange(5.0).expand(1, 1, 5, 5)

    across = sobel(ramp)[0, 0]

    assert across[1:4].tolist() == [[-4, -8, -8, -8, 12]] * 3
