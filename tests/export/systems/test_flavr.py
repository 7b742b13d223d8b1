from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find


def test_the_default_is_l1() -> None:
    frames = torch.rand(2, 2, 3, 8, 8)

    assert find("flavr")(*frames) == find("l1")(*frames)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("VGG22", "detvgg.flavr_vgg22"),
        ("VGG33", "detvgg.flavr_vgg33"),
        ("VGG44", "detvgg.flavr_vgg44"),
        ("VGG54", "detvgg.flavr_vgg54"),
        ("VGGP", "detvgg.flavr_vggP"),
        ("L1", "flavr.l1"),
        ("MSE", "flavr.mse"),
        ("Huber", "flavr.huber"),
        ("SSIM", "flavr.ssim_loss"),
    ],
)
def test_losses_by_its_names_give_its_values(
    name: str,
    key: str,
    frame: Callable[[str], Tensor],
    networks: Any,
    learned: dict[str, dict[str, Any]],
    expected: dict[str, dict[str, Any]],
) -> None:
    system = find(f"flavr[loss=2*{name}]", weights=networks)
    case = "bikes_97x131/blend"

    total = system(frame("bikes_97x131.blend"), frame("bikes_97x131.target"))

    wanted = (learned[case] | expected[case])[key]
    assert total.item() == pytest.approx(2 * wanted, rel=1e-6)
