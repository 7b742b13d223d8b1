from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.features import Features, Frame
from framegauge.export.metrics.psnr_luma import PSNRLuma


def test_the_ramps_in_eight_bits_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]],
    rounded: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    pair = rounded(ramps())

    # RIFE's HD benchmark, and TecoGAN's in the studio range.
    assert find("psnr_luma")(**pair).item() == pytest.approx(15.3324369640, abs=5e-11)
    limited = find("psnr_luma[range=limited]")(**pair).item()
    # TecoGAN's constants have nine decimals: 0.256788235 R + 0.504129412 G + 0.097905882 B.
    assert limited == pytest.approx(16.6543582759, abs=1e-7)


@pytest.mark.parametrize(
    ("matrix", "weights"),
    [
        ("bt601", (0.299, 0.587, 0.114)),
        ("bt709", (0.2126, 0.7152, 0.0722)),
        ("bt2020", (0.2627, 0.6780, 0.0593)),
    ],
)
def test_each_colour_counts_with_its_weight(matrix: str, weights: tuple[Any, ...]) -> None:
    reference = torch.zeros(3, 3, 2, 2, dtype=torch.float64)
    distorted = torch.eye(3, dtype=torch.float64)[:, :, None, None].expand(3, 3, 2, 2)

    scores = PSNRLuma(matrix=matrix, reduction="none")(distorted, reference)

    wanted = [-20 * torch.tensor(weight).double().log10().item() for weight in weights]
    assert scores.tolist() == pytest.approx(wanted, rel=1e-6)


def test_a_frame_of_luma_alone_is_taken_as_it_is() -> None:
    reference = torch.zeros(1, 1, 4, 4)

    assert PSNRLuma()(reference + 0.1, reference).item() == pytest.approx(20, abs=1e-5)


def test_the_y_plane_is_not_squeezed_again() -> None:
    planes = {"reference": torch.zeros(1, 1, 4, 4), "distorted": torch.full((1, 1, 4, 4), 25.5)}
    features = Features({role: Frame(None, {"y": plane}) for role, plane in planes.items()})

    score = PSNRLuma(range="limited").score(features)

    assert score.item() == pytest.approx(20, abs=1e-5)
