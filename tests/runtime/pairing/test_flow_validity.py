import numpy as np
import pytest
from numpy.typing import NDArray

from framegauge.export.contract.interface import Output
from framegauge.runtime import ScoreError
from framegauge.runtime.pairing.flow_validity import known_together, maskable

ROLES = ("reference", "distorted", "flow", "flow_reference", "mask")


def output(name: str, *inputs: str, masked: bool = False) -> Output:
    return Output(
        name=name,
        kind="score",
        entry=name,
        options={},
        inputs=inputs,
        masked=masked,
        transfer="any",
        ends="not_judged",
        better="lower",
        ideal=0.0,
        low=0.0,
        high=None,
        unit="1",
        least=1,
        tolerance=0.0,
        relative=0.0,
    )


MASKED = output("aee", "flow", "flow_reference", "mask", masked=True)


def known(*rows: int) -> NDArray[np.float32]:
    """Four rows of pixels, these of them known."""
    return np.isin(np.arange(4), rows).astype(np.float32)[None, :, None].repeat(8, axis=2)


def test_what_is_looked_at_within_a_mask_alone_may_lack_pixels() -> None:
    assert "flow" in maskable([MASKED], ROLES)


def test_an_entry_that_knows_no_mask_looks_at_all_pixels() -> None:
    outputs = [MASKED, output("tof", "flow", "flow_reference")]

    assert "flow" not in maskable(outputs, ROLES)


def test_an_entry_that_looks_elsewhere_does_not_matter() -> None:
    outputs = [MASKED, output("psnr", "reference", "distorted")]

    assert "flow" in maskable(outputs, ROLES)


def test_a_mask_that_is_one_input_among_others_leaves_nothing_out() -> None:
    outputs = [output("a_hosts_own", "flow", "mask")]

    assert "flow" not in maskable(outputs, ROLES)


def test_pixels_are_judged_where_all_flows_are_known() -> None:
    together = known_together(
        {"flow_previous_next": known(0, 1), "flow_next_previous": known(1, 2), "mask": known(1, 3)}
    )

    assert np.array_equal(together, known(1))


def test_a_reference_may_be_known_in_places() -> None:
    together = known_together({"flow": known(0, 1, 2), "flow_reference": known(1, 2)})

    assert np.array_equal(together, known(1, 2))


def test_a_judged_flow_is_known_wherever_its_reference_is() -> None:
    with pytest.raises(
        ScoreError, match=r"not known at 16 pixels where flow_reference is\. A flow"
    ):
        known_together({"flow": known(0, 1), "flow_reference": known(1, 2, 3)})


def test_a_judged_flow_may_lack_what_a_mask_leaves_out() -> None:
    flows = {"flow": known(0, 1), "flow_reference": known(1, 2, 3), "mask": known(0, 1)}

    assert np.array_equal(known_together(flows), known(1))


@pytest.mark.parametrize(
    ("flows", "words"),
    [
        ({"flow": known(), "flow_reference": known(1)}, "of flow nothing is known"),
        ({"flow": known(1), "flow_reference": known()}, "of flow_reference nothing is known"),
        ({"flow": known(1), "flow_reference": known(2)}, "of flow and flow_reference nothing"),
    ],
)
def test_nothing_known_is_nothing_to_judge(
    flows: dict[str, NDArray[np.float32]], words: str
) -> None:
    with pytest.raises(ScoreError, match=f"no pixel to judge of frame 7: {words}"):
        known_together(flows, where=" of frame 7")
