"""What a host does with the library, in programs of their own, also under sanitizers."""

from typing import Any

import pytest

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
