import math

import pytest
import torch

from framegauge.export.catalog import find
from framegauge.export.features import Features, Frame


@pytest.mark.parametrize(("depth", "cap"), [(8, 60.0), (10, 72.0), (12, 84.0), (16, 108.0)])
def test_identical_planes_get_the_cap_of_their_depth(depth: int, cap: float) -> None:
    metric = find("psnr_y")
    plane = torch.full((1, 1, 4, 4), 100.0)

    assert metric(plane, plane, depth=depth).item() == pytest.approx(cap, abs=1e-4)
    assert metric.spec_at(depth).ideal == metric.spec_at(depth).high == cap


def test_the_peak_is_that_of_the_depth() -> None:
    reference = torch.zeros(1, 1, 4, 4, dtype=torch.float64)

    score = find("psnr_y")(reference + 102.3, reference, depth=10).item()

    assert score == pytest.approx(20.0, abs=1e-9)


@pytest.mark.parametrize(("name", "plane"), [("psnr_y", "y"), ("psnr_cb", "u"), ("psnr_cr", "v")])
def test_each_entry_reads_its_own_plane(name: str, plane: str) -> None:
    reference = {part: torch.zeros(1, 1, 2, 2) for part in "yuv"}
    distorted = {part: torch.full((1, 1, 2, 2), 255.0 * (part == plane)) for part in "yuv"}
    features = Features({"reference": Frame(None, reference), "distorted": Frame(None, distorted)})

    assert find(name).score(features).item() == pytest.approx(0, abs=1e-6)


def test_planes_are_never_made_from_colours() -> None:
    features = Features({role: Frame(lambda: 0) for role in ("reference", "distorted")})

    with pytest.raises(ValueError, match="Planes are never made from RGB"):
        find("psnr_y").score(features)


def test_a_clip_is_made_of_the_mean_squared_error_of_code_values() -> None:
    (aggregate,) = find("psnr_cb").aggregates("psnr_cb", depth=10)

    assert (aggregate.name, aggregate.of) == ("apsnr_cb", ("psnr_cb.mse",))
    assert (aggregate.peak, aggregate.cap) == (1023.0, 72.0)
    assert find("psnr_cb")(torch.full((1, 1, 2, 2), 4.0), torch.zeros(1, 1, 2, 2)).item() == (
        pytest.approx(20 * math.log10(255 / 4), abs=1e-4)
    )
