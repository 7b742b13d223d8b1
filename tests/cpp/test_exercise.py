"""What a host does with the library, in programs of their own, also under sanitizers."""

from typing import Any

import pytest

from framegauge.export.contract.interface import Aggregate
from framegauge.runtime.models.model_files import SHIPPED

CASES = {
    "says_what_it_is": "rgb24",
    "takes_any_stride": "rgb24",
    "scores_batches": "rgb24",
    "serves_eight_threads": "rgb24",
    "outlives_its_model": "rgb24",
    "gives_scores_that_outlive_it": "rgb24",
    "refuses_frames_by_name": "rgb24",
    "refuses_requests_by_name": "rgb24",
    "reads_a_model_in_memory": "rgb24",
    "takes_structs_of_any_release": "rgb24",
    "shares_the_hosts_runtime": "rgb24",
    "spins_only_where_the_host_chose": "rgb24",
    "refuses_an_environment_without_pools": "rgb24",
    "refuses_code_values_above_the_peak": "yuv420p10le",
}


@pytest.mark.parametrize("build", ["plain", "address", "thread"])
@pytest.mark.parametrize(("case", "format"), CASES.items())
def test_a_host_meets_what_the_header_says(builds: Any, case: Any, format: Any, build: str) -> None:
    host = builds(build)

    ran = host.run(host.exercise, case, SHIPPED / format / "psnr.onnx")

    assert ran.returncode == 0, ran.stderr.decode()
    assert ran.stderr == b""


def assert_holds(host: Any, case: str, model: Any) -> None:
    ran = host.run(host.exercise, case, model)

    assert ran.returncode == 0, ran.stderr.decode()
    assert ran.stderr == b""


def test_clips_are_finished_by_the_written_rule(builds: Any, handmade: Any) -> None:
    model = handmade(
        "gray8",
        [("reference", "y")],
        """
        two (uint8[N,H,W] reference_y) => (float[N] score, float[N] one, float[N] other)
        {
            samples = Cast<to=1>(reference_y)
            flat = Flatten(samples)
            axes = Constant<value_ints=[1]>()
            score = ReduceMax<keepdims=0>(flat, axes)
            one = ReduceMean<keepdims=0>(flat, axes)
            other = ReduceMax<keepdims=0>(flat, axes)
        }
        """,
        aggregates=[
            Aggregate(name="average", of=("one",), finish="mean"),
            Aggregate(name="root", of=("one",), finish="root"),
            Aggregate(name="ratio", of=("one", "other"), finish="ratio"),
            Aggregate(name="psnr", of=("other",), finish="psnr", peak=255, cap=60),
        ],
    )

    assert_holds(builds("address"), "finishes_clips_by_the_written_rule", model)


@pytest.mark.parametrize("format", ["yuv420p", "yuv422p", "yuv444p"])
def test_each_frame_has_its_own_colour_and_siting(builds: Any, handmade: Any, format: Any) -> None:
    model = handmade(
        format,
        [
            *(("reference", "y"), ("reference", "colour"), ("reference", "siting")),
            *(("reference_previous", "y"), ("reference_previous", "colour")),
        ],
        """
        probe (
            uint8[N,H,W] reference_y, float[N,3,4] reference_colour, float[N,2] reference_siting,
            uint8[N,H,W] reference_previous_y, float[N,3,4] reference_previous_colour
        ) => (float[N] gain, float[N] red, float[N] before, float[N] down, float[N] across)
        {
            flat = Flatten(reference_colour)
            flat_before = Flatten(reference_previous_colour)
            first = Constant<value_int=0>()
            second = Constant<value_int=1>()
            third = Constant<value_int=2>()
            gain = Gather<axis=1>(flat, first)
            red = Gather<axis=1>(flat, third)
            before = Gather<axis=1>(flat_before, first)
            down = Gather<axis=1>(reference_siting, first)
            across = Gather<axis=1>(reference_siting, second)
        }
        """,
    )

    assert_holds(builds("address"), "gives_each_frame_its_own_colour", model)


# The brightest sample of luma.
BRIGHTEST = """
        brightest (uint8[N,H,W] reference_y) => (float[N] score)
        {
            samples = Cast<to=1>(reference_y)
            flat = Flatten(samples)
            axes = Constant<value_ints=[1]>()
            score = ReduceMax<keepdims=0>(flat, axes)
        }
        """


def test_frames_of_other_colours_than_the_models_are_refused(builds: Any, handmade: Any) -> None:
    bound = {"matrix": "bt709", "range": "limited", "chroma_siting": "centre"}
    model = handmade("yuv420p", [("reference", "y")], BRIGHTEST, **bound)

    assert_holds(builds("address"), "refuses_frames_of_other_colours", model)


def test_rates_of_no_video_are_refused(builds: Any, handmade: Any) -> None:
    model = handmade(
        "gray8",
        [("reference", "y"), ("frame_rate", "")],
        """
        rate (uint8[N,H,W] reference_y, float[N] frame_rate) => (float[N] score)
        {
            score = Identity(frame_rate)
        }
        """,
    )

    assert_holds(builds("address"), "refuses_rates_of_no_video", model)


@pytest.mark.slow
def test_masks_that_mean_nothing_are_refused(builds: Any, models: Any) -> None:
    host = builds("address")
    model = models(["aee[masked=true]"], "rgb24").path

    ran = host.run(host.exercise, "refuses_masks_that_mean_nothing", model)

    assert ran.returncode == 0, ran.stderr.decode()


@pytest.mark.slow
def test_times_of_no_frame_between_are_refused(builds: Any, models: Any) -> None:
    host = builds("address")
    model = models(["superslomo_warping"], "rgb24").path

    ran = host.run(host.exercise, "refuses_times_of_no_frame_between", model)

    assert ran.returncode == 0, ran.stderr.decode()


def test_floats_out_of_range_are_refused(builds: Any, float_model: Any) -> None:
    host = builds("address")

    ran = host.run(host.exercise, "refuses_floats_out_of_range", float_model.path)

    assert ran.returncode == 0, ran.stderr.decode()
