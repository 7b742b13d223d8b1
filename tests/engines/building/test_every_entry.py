"""NVIDIA's parser and builder take every entry of the catalogue."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from framegauge.engines.building.build import Result, build, jobs
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import RTX_ARCHITECTURES, parse_targets
from framegauge.engines.store.store import Store
from framegauge.export.catalog import ENTRIES
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.model_file import ModelFile
from framegauge.export.graph import Graph
from framegauge.export.lowering.model import describe
from framegauge.export.lowering.onnx import serialise, translate
from framegauge.export.lowering.precision import in_half
from framegauge.export.lowering.trace import trace
from framegauge.export.networks.backbones import LAYERS, Weights

pytest.importorskip("tensorrt_rtx")

PROFILE = Profile.parse("256x256/320x256/640x640x4")
SHIPPED = Path(__file__).parents[3] / "runtime" / "models" / "yuv420p"
READY = sorted(path.stem for path in SHIPPED.glob("*.onnx") if path.stem != "default")
# What is not shipped, in groups that share most: one trace each.
GROUPS = [
    "lpips_alex,flolpips,tlp",
    "lpips_vgg,dists,vgg_conv4_3,superslomo,superslomo_warping,adacof,warping,time_lens",
    "vgg,style",
    "rife",
    "bmbc,bmbc_photometric,bmbc_smoothness",
    "unflow_photometric,ddflow_photometric,arflow_photometric,warping_error,occlusion",
    "epe,aee,fl_all,epe_1px,epe_3px,epe_5px,aae,tof,dain_symmetry,dain_smoothness,dain,"
    "flow_smoothness,edge_aware_smoothness,flavr,gan_discriminator,gan_generator,"
    "wgan_discriminator,wgan_generator,dual_frame_discriminator,dual_frame_generator",
]
GROUPED = [name for group in GROUPS for name in group.split(",")]
# RTX has no product of matrices in float32 for Turing, and Gram matrices are one.
NO_GEMM = {("style", "sm75")}


def test_all_of_the_catalogue_is_here() -> None:
    assert sorted(READY + GROUPED) == sorted(entry.SPEC.name for entry in ENTRIES)


def test_ready_models_are_built_for_sm89(tmp_path: Path) -> None:
    results = built([SHIPPED / f"{name}.onnx" for name in READY], "sm89", tmp_path)

    assert [result.outcome for result in results] == ["built"] * len(READY), failures(results)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS, ids=[group.partition(",")[0] for group in GROUPS])
def test_the_others_are_built_for_sm89(
    group: str, written: Callable[..., Path], tmp_path: Path
) -> None:
    results = built([written(group)], "sm89", tmp_path)

    assert [result.outcome for result in results] == ["built"], failures(results)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_suite_is_built_for_every_target(
    precision: str, written: Callable[..., Path], tmp_path: Path
) -> None:
    model = written("lpips_alex,psnr,ssim", precision)

    results = built([model], f"rtx,{','.join(RTX_ARCHITECTURES)}", tmp_path)

    assert [result.outcome for result in results] == ["built"] * 7, failures(results)
    assert {result.held.sidecar.manifest.precision for result in results if result.held} == {
        precision
    }


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", [entry.SPEC.name for entry in ENTRIES])
def test_each_entry_alone_is_built_for_three_generations(
    name: Any, precision: str, written: Callable[..., Path], tmp_path: Path
) -> None:
    results = built([written(name, precision)], "sm75,sm89,sm120", tmp_path)

    for result in results:
        (architecture,) = result.job.recipe.target.architectures
        if (name, architecture) in NO_GEMM:
            assert "FP32 GEMM is not supported" in result.why
        else:
            assert result.outcome == "built", result.why


def built(models: list[Path], targets: str, folder: Path) -> list[Result]:
    wanted = [
        job
        for path in models
        for job in jobs(ModelFile.read(path), parse_targets(targets), [PROFILE])
    ]
    return build(wanted, Store(folder / "store", system=[]), cpus=len(os.sched_getaffinity(0)))


def failures(results: list[Result]) -> str:
    return "\n".join(f"{result.job}: {result.why}" for result in results if not result.held)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes entries as a model, not proven in ONNX Runtime: other tests do that."""
    folder = tmp_path_factory.mktemp("models")
    networks = Weights(made_up_weights(), offline=True)

    def write(entries: str, precision: str = "fp32") -> Path:
        # Planes are read as they are, so an entry of planes needs some.
        planes = any(each.SPEC.planes and each.SPEC.name == entries for each in ENTRIES)
        form = find_format("yuv420p" if planes else "rgb24")
        graph, exact = (
            Graph(parse_entries(entries), form, dtype=dtype, weights=networks)
            for dtype in (torch.float32, torch.float64)
        )
        model = translate(trace(graph), graph)
        manifest = describe(graph, exact)
        if precision == "fp16":
            model, rounding = in_half(model, graph, exact, manifest.self_test)
            manifest = replace(manifest, precision="fp16", rounding=rounding)
        path = folder / f"{entries.replace(',', '-')[:40]}-{precision}.onnx"
        path.write_bytes(serialise(model, manifest))
        return path

    return write


def made_up_weights() -> dict[str, dict[str, torch.Tensor]]:
    """Networks of random numbers: a builder looks at their shapes."""
    random = torch.Generator().manual_seed(1)
    networks = {
        network: {
            f"features.{layer.index}.{kind}": tensor
            for layer in layers
            if layer.kind == "conv"
            for kind, tensor in (
                ("weight", 0.02 * torch.randn(layer.shape, generator=random)),
                ("bias", torch.zeros(layer.shape[0])),
            )
        }
        for network, layers in LAYERS.items()
    }
    return {**networks, "dists": {name: torch.rand(1, 1475, 1, 1) for name in ("alpha", "beta")}}
