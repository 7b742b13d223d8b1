import shlex
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.building import adopt as adopting
from framegauge.engines.building.adopt import adopt, command
from framegauge.engines.building.build import build, jobs
from framegauge.engines.building.job import order
from framegauge.engines.building.tensorrt.compiler import compile_engine
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.target import parse_targets
from framegauge.engines.store.store import Store
from framegauge.export.contract.model_file import ModelFile

SMALL = [Profile.parse("16x16/64x64/256x256x2")]


@pytest.fixture
def plan(tmp_path: Path) -> Any:
    """Bytes that start as NVIDIA's trtexec reads the version of a TensorRT 10.9 plan."""
    path = tmp_path / "model.plan"
    path.write_bytes(b"ftrt" + struct.pack("<IQQ", 0, 1, 44) + bytes([10, 9, 0, 34]) + b"\0" * 64)
    return path


@pytest.fixture(scope="session")
def rtx_engine(model: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real engine for two architectures, as a file of its own."""
    pytest.importorskip("tensorrt_rtx")
    path = tmp_path_factory.mktemp("built") / "model.engine"
    (job,) = jobs(model, parse_targets("sm86+sm89"), SMALL)
    path.write_bytes(compile_engine(order(job)))
    return path


def test_the_line_builds_what_framegauge_would(shipped: Path) -> None:
    model = ModelFile.read(shipped / "yuv420p" / "psnr_y.onnx")
    profile = Profile.parse("32x16/640x480/1280x1280x4")

    words = shlex.split(command(model, [profile], plan="a b.plan", major=10))

    assert words == [
        "trtexec",
        f"--onnx={model.path}",
        "--saveEngine=a b.plan",
        "--noTF32",
        "--stronglyTyped",
        "--skipInference",
        "--minShapes=reference_y:1x16x32,distorted_y:1x16x32",
        "--optShapes=reference_y:1x480x640,distorted_y:1x480x640",
        "--maxShapes=reference_y:4x1280x1280,distorted_y:4x1280x1280",
    ]


def test_inputs_of_a_fixed_shape_are_left_out_of_the_line(shipped: Path) -> None:
    model = ModelFile.read(shipped / "yuv420p" / "psnr.onnx")

    line = command(model, SMALL, plan="m.plan")

    assert "reference_u:1x8x8" in line
    assert "colour" not in line


def test_tensorrt_11_needs_no_flag_for_strong_types(model: ModelFile) -> None:
    assert "--stronglyTyped" not in command(model, SMALL, plan="m.plan", major=11)
    with pytest.raises(ValueError, match="--tensorrt takes 10 or 11, got 9"):
        command(model, SMALL, plan="m.plan", major=9)


def test_several_profiles_and_a_level_have_flags_of_their_own(model: ModelFile) -> None:
    profiles = [*SMALL, Profile.parse("720p")]

    words = shlex.split(
        command(model, profiles, plan="m.plan", compatibility="same_compute_capability")
    )

    assert [word for word in words if word.startswith("--profile")] == [
        "--profile=0",
        "--profile=1",
    ]
    assert words.index("--profile=1") < len(words) - 4
    assert words[-1] == "--hardwareCompatibilityLevel=sameComputeCapability"
    assert "--optShapes=reference:1x720x1280x3,distorted:1x720x1280x3" in words


def test_an_rtx_engine_says_itself_what_it_is_for(
    rtx_engine: Any, model: ModelFile, store: Store
) -> None:
    held = adopt(rtx_engine, model, store, profiles=SMALL)

    (job,) = jobs(model, parse_targets("sm86+sm89"), SMALL)
    assert held.facts.recipe == job.recipe
    assert held.facts.about["adopted"] == "model.engine"
    assert held.facts.about["taken_on_trust"] == ["model", "profiles", "options", "platform"]
    assert store.read(held) == rtx_engine.read_bytes()


def test_an_adopted_engine_is_found_by_the_build_that_would_make_it(
    rtx_engine: Any, model: ModelFile, store: Store
) -> None:
    adopt(rtx_engine, model, store, profiles=SMALL)

    (result,) = build(jobs(model, parse_targets("sm86+sm89"), SMALL), store)

    assert result.outcome == "kept"


def test_a_plan_is_taken_with_its_own_version_and_the_target_given(
    plan: Any, model: ModelFile, store: Store
) -> None:
    held = adopt(plan, model, store, profiles=SMALL, architectures=["sm90"])

    recipe = held.facts.recipe
    assert (recipe.target.flavour, recipe.version) == ("tensorrt", "10.9.0.34")
    assert recipe.target.architectures == ("sm90",)
    assert recipe.options == {"tf32": "false"}
    assert "target" in held.facts.about["taken_on_trust"]
    assert held.problem is None


def test_a_plan_keeps_its_level_and_the_options_it_was_built_with(
    plan: Any, model: ModelFile, store: Store
) -> None:
    held = adopt(
        plan,
        model,
        store,
        profiles=SMALL,
        architectures=["sm86"],
        compatibility="ampere_plus",
        options={"builder_optimization_level": "5"},
    )

    assert held.facts.recipe.target.capabilities == ("ampere_plus",)
    assert held.facts.recipe.options == {"builder_optimization_level": "5", "tf32": "false"}


def test_a_plan_without_a_target_asks_for_it(plan: Any, model: ModelFile, store: Store) -> None:
    with pytest.raises(ValueError, match=r"does not say which GPU.*--target sm90"):
        adopt(plan, model, store, profiles=SMALL)


def test_a_target_that_the_engine_denies_is_refused(
    rtx_engine: Any, model: ModelFile, store: Store
) -> None:
    with pytest.raises(ValueError, match="is for sm86, sm89, and --target says sm120"):
        adopt(rtx_engine, model, store, profiles=SMALL, architectures=["sm120"])


def test_an_rtx_engine_cut_short_is_refused(
    rtx_engine: Any, model: ModelFile, store: Store, tmp_path: Path
) -> None:
    short = tmp_path / "short.engine"
    short.write_bytes(rtx_engine.read_bytes()[:-1])

    with pytest.raises(ValueError, match="cut short or too long"):
        adopt(short, model, store, profiles=SMALL)
    assert store.entries() == []


def test_what_is_no_engine_is_refused(model: ModelFile, store: Store) -> None:
    with pytest.raises(ValueError, match="not a TensorRT engine"):
        adopt(model.path, model, store, profiles=SMALL)


def test_an_engine_built_with_tf32_is_refused(plan: Any, model: ModelFile, store: Store) -> None:
    with pytest.raises(ValueError, match=r"built with TF32, .*Build it again with --noTF32"):
        adopt(
            plan,
            model,
            store,
            profiles=SMALL,
            architectures=["sm90"],
            options={"tf32": "true"},
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nonsense": "1"}, "tensorrt_rtx .* has no builder option 'nonsense'"),
        ({"version_compatible": "yes"}, "version_compatible takes false or true; got 'yes'"),
    ],
)
def test_options_that_the_flavour_here_does_not_have_are_refused(
    rtx_engine: Any, model: ModelFile, store: Store, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        adopt(rtx_engine, model, store, profiles=SMALL, options=options)


def test_options_at_their_defaults_are_those_of_a_build_without_them(
    rtx_engine: Any, model: ModelFile, store: Store
) -> None:
    options = {"builder_optimization_level": "03", "tf32": "false"}

    held = adopt(rtx_engine, model, store, profiles=SMALL, options=options)

    assert held.facts.recipe.options == {"tf32": "false"}


def test_what_decides_which_tensorrt_loads_it_is_true_or_false(
    plan: Any, model: ModelFile, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adopting, "flavours", dict)

    with pytest.raises(ValueError, match="version_compatible takes true or false; got 'yes'"):
        adopt(
            plan,
            model,
            store,
            profiles=SMALL,
            architectures=["sm90"],
            options={"version_compatible": "yes"},
        )


@pytest.fixture
def other_plan(plan: Any) -> Any:
    """Another file for the same target."""
    path = plan.with_name("other.plan")
    path.write_bytes(plan.read_bytes() + b"other")
    return path


def test_a_sound_engine_is_not_replaced_unless_forced(
    plan: Any, other_plan: Any, model: ModelFile, store: Store
) -> None:
    first = adopt(plan, model, store, profiles=SMALL, architectures=["sm90"])

    with pytest.raises(ValueError, match=r"has another sound engine of mse\.onnx .*add --force"):
        adopt(other_plan, model, store, profiles=SMALL, architectures=["sm90"])

    assert store.entries() == [first]
    forced = adopt(other_plan, model, store, profiles=SMALL, architectures=["sm90"], force=True)
    assert store.read(forced) == other_plan.read_bytes()


def test_a_damaged_engine_is_replaced(
    plan: Any, other_plan: Any, model: ModelFile, store: Store
) -> None:
    adopt(plan, model, store, profiles=SMALL, architectures=["sm90"]).path.write_bytes(b"cut")

    held = adopt(other_plan, model, store, profiles=SMALL, architectures=["sm90"])

    assert store.read(held) == other_plan.read_bytes()


def test_the_same_file_again_keeps_what_its_self_tests_found(
    plan: Any, model: ModelFile, store: Store
) -> None:
    held = adopt(plan, model, store, profiles=SMALL, architectures=["sm90"])
    store.amend(replace(held.facts, verifications=({"passed": True},)))

    again = adopt(plan, model, store, profiles=SMALL, architectures=["sm90"])

    assert again.facts.verifications == ({"passed": True},)
