from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor

from framegauge.export.catalog import find


@pytest.mark.parametrize(("l1", "lpips"), [(1, 1), (0.5, 2), (1, 0), (0, 1)])
def test_the_total_weighs_l1_and_lpips(
    l1: float,
    lpips: int,
    frame: Callable[[str], Tensor],
    trained: Any,
    learned: dict[str, dict[str, Any]],
    expected: dict[str, dict[str, Any]],
) -> None:
    system = find(f"time_lens[network=alex;l1={l1};lpips={lpips}]", weights=trained)
    case = "bikes_97x131/blend"

    total = system(frame("bikes_97x131.blend"), frame("bikes_97x131.target")).item()

    wanted = l1 * expected[case]["np.mae"] + lpips * learned[case]["lpips.alex"]
    assert total == pytest.approx(wanted, rel=1e-6)


def test_the_default_network_is_vgg16(
    frame: Callable[[str], Tensor], networks: Any, linear: None, learned: dict[str, dict[str, Any]]
) -> None:
    system = find("time_lens", weights=networks)

    results = system.breakdown(
        distorted=frame("bikes_97x131.blend"), reference=frame("bikes_97x131.target")
    )

    wanted = learned["bikes_97x131/blend"]["detvgg.lpips_vgg"]
    assert results["lpips"].item() == pytest.approx(wanted, rel=1e-6)
