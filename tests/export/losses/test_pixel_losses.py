from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("l1", 37 / 216),
        ("mse", 0.0355763374),
        ("charbonnier", 0.1713852138),  # 1e-6 inside the root
        ("charbonnier[epsilon=1e-6]", 0.1712963822),  # 1e-12 inside the root
        ("huber", 0.0177881687),  # FLAVR, delta 0.5
        ("sobel", 0.3200405093),  # RIFE
    ],
)
def test_the_ramps_give_their_table_values(
    ramps: Callable[[int], dict[str, Tensor]], text: str, value: Any
) -> None:
    assert find(text)(**ramps()).item() == pytest.approx(value, abs=5e-11)


@pytest.mark.parametrize(("error", "value"), [(0.2, 0.02), (0.5, 0.125), (0.8, 0.275)])
def test_huber_turns_from_a_square_to_a_line(error: float, value: float) -> None:
    reference = torch.zeros(1, 3, 4, 4, dtype=torch.float64)

    assert find("huber")(reference + error, reference).item() == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-6, 0.5])
def test_charbonnier_has_its_epsilon_as_floor(epsilon: float) -> None:
    frame = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    loss = find(f"charbonnier[epsilon={epsilon}]")

    assert loss(frame, frame).item() == pytest.approx(epsilon, rel=1e-12)
    assert loss.spec.ideal == epsilon


@pytest.mark.parametrize(
    ("text", "high"),
    [
        ("charbonnier", 1.0000005),
        ("charbonnier[epsilon=0.75]", 1.25),
        ("huber", 0.375),
        ("huber[delta=0.1]", 0.095),
        ("huber[delta=7]", 0.5),
    ],
)
def test_black_on_white_is_the_worst_there_is(text: str, high: float) -> None:
    black, white = torch.zeros(1, 3, 4, 4).double(), torch.ones(1, 3, 4, 4).double()
    loss = find(text)

    assert loss.spec.high == pytest.approx(high, abs=1e-12)
    assert loss(black, white).item() == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize("text", ["charbonnier[epsilon=0]", "huber[delta=0]", "huber[delta=-1]"])
def test_senseless_options_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"(charbonnier|huber) takes (an epsilon|a delta) above 0"):
        find(text)
