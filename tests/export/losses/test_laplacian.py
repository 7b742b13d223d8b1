from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.losses.laplacian import Laplacian, laplacian_levels


def test_the_ramps_give_their_table_value(ramps: Callable[[int], dict[str, Tensor]]) -> None:
    assert find("laplacian")(**ramps(4)).item() == pytest.approx(0.0832290478, abs=5e-11)


def test_an_impulse_gives_each_level_its_share() -> None:
    black = torch.zeros(1, 3, 64, 64, dtype=torch.float64)
    even, odd = black.clone(), black.clone()
    even[..., 32, 32] = odd[..., 33, 33] = 1

    levels = torch.cat(laplacian_levels(even, black, levels=5))

    wanted = [4.452467e-4, 3.059432e-4, 2.931389e-4, 3.153214e-4, 2.899207e-4]
    assert levels.tolist() == pytest.approx(wanted, abs=5e-11)
    assert find("laplacian")(even, black).item() == pytest.approx(1.6495709e-3, abs=5e-11)
    assert find("laplacian")(odd, black).item() == pytest.approx(1.7196272e-3, abs=5e-11)


def test_a_constant_offset_is_invisible() -> None:
    frame = torch.rand(1, 3, 70, 81, dtype=torch.float64) / 2

    assert find("laplacian")(frame + 0.25, frame).item() == pytest.approx(0, abs=1e-14)


def test_a_board_of_pixels_is_in_the_finest_level_only() -> None:
    board = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).double().expand(1, 3, 64, 64)

    levels = torch.cat(laplacian_levels(board, torch.full_like(board, 0.5), levels=5))

    assert levels.tolist() == pytest.approx([0.5, 0, 0, 0, 0], abs=1e-15)


@pytest.mark.parametrize(("levels", "least"), [(1, 4), (3, 16), (5, 64)])
def test_each_level_needs_twice_the_size(levels: int, least: int) -> None:
    assert Laplacian(levels=levels).spec.least == least


def test_no_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="laplacian takes at least 1 level"):
        Laplacian(levels=0)
