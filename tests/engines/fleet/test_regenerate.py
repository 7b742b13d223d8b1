from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.building import build
from framegauge.engines.building.job import Job, describe
from framegauge.engines.fleet.regenerate import Absent, Step, Wanted, plan, wanted_again
from framegauge.engines.identity.machine import Gpu, Platform, TargetError
from framegauge.engines.identity.profile import Profile
from framegauge.engines.identity.sidecar import Sidecar
from framegauge.engines.identity.target import Target
from framegauge.engines.store.store import Store
from framegauge.engines.store.stored_engine import StoredEngine
from framegauge.export.contract.model_file import ModelFile

ADA = Target(flavour="tensorrt_rtx", architectures=("sm89",))
BLACKWELL = Target(flavour="tensorrt_rtx", architectures=("sm120",))
HOPPER = Target(flavour="tensorrt", architectures=("sm90",))
PROFILE = Profile.parse("16x16/64x64/256x256x2")
# An RTX engine's first bytes, of 1.7.1.116 for SM89.
HEADER = struct.pack("<4sIQQ4B4sI", b"vtrt", 0, 2, 40, 1, 7, 1, 116, b"vtrt", 8)


def no_gpu() -> Gpu:
    raise TargetError("There is no GPU")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says which versions of TensorRT are installed."""

    def say(**versions: str) -> None:
        monkeypatch.setattr(build, "flavours", lambda: versions)

    say(tensorrt_rtx="1.7.1.116")
    return say


@pytest.fixture
def mine(tmp_path: Path, shipped: Path) -> Path:
    """A model of the user's."""
    return Path(shutil.copy(shipped / "rgb24" / "mse.onnx", tmp_path))


@pytest.fixture
def keep(
    store: Store, made: Callable[..., tuple[bytes, Sidecar]], mine: Path
) -> Callable[..., StoredEngine]:
    """Puts an engine of the user's model into the store, its recipe changed as told."""

    def put(**changes: object) -> StoredEngine:
        content, sidecar = made(platform=Platform.here(), **changes)
        described = describe(Job(model=ModelFile.read(mine), recipe=sidecar.recipe), content, {})
        return store.put(content, described)

    return put


@pytest.fixture
def look(store: Store, mine: Path, installed: Any) -> Callable[..., Step]:
    """What is to be done for one engine of the user's model."""

    def step(target: Target = ADA, profile: Profile = PROFILE, **options: str) -> tuple[str, str]:
        wanted = Wanted(
            model=ModelFile.read(mine), target=target, profiles=(profile,), options=options
        )
        (found,) = plan([wanted], store, find_gpu=no_gpu)
        assert (found.job is not None) == (found.action == "build")
        return found.action, found.why

    return step


def change(path: Path) -> str:
    """Write a model anew, a note of its metadata changed; gives the start of its new hash."""
    content = path.read_bytes()
    altered = content.replace(b'"torch":"2.', b'"torch":"9.')
    assert altered != content
    path.write_bytes(altered)
    return ModelFile.read(path).sha256[:8]


def test_an_engine_that_is_there_is_kept(
    keep: Callable[..., StoredEngine], look: Callable[..., Step]
) -> None:
    keep()

    assert look() == ("keep", "up to date")


def test_an_empty_store_needs_everything(look: Callable[..., Step]) -> None:
    assert look() == ("build", "no engine of mse.onnx")


def test_a_new_gpu_is_named(keep: Callable[..., StoredEngine], look: Callable[..., Step]) -> None:
    keep()

    assert look(BLACKWELL) == ("build", "no engine for sm120")


def test_a_new_tensorrt_is_named_with_both_versions(
    keep: Callable[..., StoredEngine], look: Callable[..., Step], installed: Any
) -> None:
    keep()
    installed(tensorrt_rtx="1.8.0.5")

    assert look() == ("build", "tensorrt_rtx 1.7.1.116 -> 1.8.0.5")


def test_a_changed_model_is_named_with_both_hashes(
    keep: Callable[..., StoredEngine], look: Callable[..., Step], mine: Path, model: ModelFile
) -> None:
    keep()
    after = change(mine)

    assert look() == ("build", f"model changed: sha {model.sha256[:8]} -> {after}")


def test_a_new_profile_is_named(
    keep: Callable[..., StoredEngine], look: Callable[..., Step]
) -> None:
    keep()

    assert look(profile=Profile.parse("540p")) == ("build", "no engine of profile 540p")


def test_every_difference_to_the_nearest_engine_is_named(
    keep: Callable[..., StoredEngine],
    look: Callable[..., Step],
    installed: Any,
    mine: Path,
    model: ModelFile,
) -> None:
    keep(profiles=(Profile.parse("720p"),), target=BLACKWELL)
    keep()
    installed(tensorrt_rtx="1.8.0.5")
    after = change(mine)

    assert look() == (
        "build",
        f"model changed: sha {model.sha256[:8]} -> {after}; tensorrt_rtx 1.7.1.116 -> 1.8.0.5",
    )


def test_a_damaged_engine_is_built_again(
    keep: Callable[..., StoredEngine], look: Callable[..., Step]
) -> None:
    held = keep()
    content = held.path.read_bytes()
    held.path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    action, why = look()

    assert action == "build"
    assert why.startswith("file damaged: ")
    assert "its SHA-256 differs" in why


def test_an_engine_of_a_gpu_that_is_not_here_cannot_be_built(
    look: Callable[..., Step], installed: Any
) -> None:
    installed(tensorrt="10.9.0.34")

    assert look(HOPPER) == (
        "cannot",
        "no engine of mse.onnx; TensorRT builds for sm90 on such a GPU alone, and the one here is "
        "none",
    )


def test_a_profile_too_small_for_the_model_is_said(
    shipped: Path, store: Store, installed: Any
) -> None:
    wanted = Wanted(
        model=ModelFile.read(shipped / "rgb24" / "ms_ssim.onnx"), target=ADA, profiles=(PROFILE,)
    )

    (step,) = plan([wanted], store, find_gpu=no_gpu)

    assert step.action == "cannot"
    assert "ms_ssim needs frames of at least 161x161" in step.why


def test_what_is_wanted_twice_is_done_once(store: Store, installed: Any, mine: Path) -> None:
    wanted = Wanted(model=ModelFile.read(mine), target=ADA, profiles=(PROFILE,))

    assert len(plan([wanted, wanted], store, find_gpu=no_gpu)) == 1


def test_a_store_wants_what_it_has_of_the_models_as_they_are_now(
    keep: Callable[..., StoredEngine], store: Store, mine: Path, installed: Any
) -> None:
    keep()
    keep(target=BLACKWELL)
    change(mine)

    wanted = wanted_again(store)

    assert {each.target for each in wanted} == {ADA, BLACKWELL}
    assert {each.model.sha256 for each in wanted} == {ModelFile.read(mine).sha256}
    assert {each.profiles for each in wanted} == {(PROFILE,)}
    assert [each.options for each in wanted] == [{}, {}]


def test_a_target_is_added_for_every_model_and_profile_of_a_store(
    keep: Callable[..., StoredEngine], store: Store, installed: Any
) -> None:
    keep()
    keep(profiles=(Profile.parse("540p"),))

    wanted = wanted_again(store, targets=[BLACKWELL])
    steps = plan(wanted, store, find_gpu=no_gpu)

    assert sorted(step.why for step in steps) == [
        "no engine for sm120",
        "no engine for sm120",
        "up to date",
        "up to date",
    ]


def test_a_model_that_is_gone_is_said_and_one_that_moved_is_found(
    keep: Callable[..., StoredEngine], store: Store, mine: Path, tmp_path: Path, installed: Any
) -> None:
    keep()
    (tmp_path / "elsewhere").mkdir()
    moved = mine.rename(tmp_path / "elsewhere" / mine.name)

    gone = wanted_again(store)
    (found,) = wanted_again(store, models=[ModelFile.read(moved)])

    why = f"its model {mine} cannot be read (No such file or directory). Say where it is with "
    assert gone == [Absent(name="mse.onnx", why=f"{why}--model.", target="sm89")]
    assert found.model.path == moved


def test_an_engine_whose_sidecar_is_broken_cannot_be_made_again(
    keep: Callable[..., StoredEngine], store: Store, installed: Any
) -> None:
    held = keep()
    (held.folder / f"{held.key}.json").write_text("{}")

    (step,) = plan(wanted_again(store), store, find_gpu=no_gpu)

    assert (step.action, step.wanted.name) == ("cannot", held.key[:8])
    assert "is not a sidecar of an engine" in step.why


def test_an_engine_of_a_newer_release_is_left_to_that(
    keep: Callable[..., StoredEngine], store: Store, installed: Any
) -> None:
    held = keep()
    path = held.folder / f"{held.key}.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))

    (step,) = plan(wanted_again(store), store, find_gpu=no_gpu)

    assert step.action == "keep"
    assert "Update framegauge" in step.why


def test_the_profile_that_was_asked_for_is_wanted_again_not_what_a_model_made_of_it(
    store: Store, shipped: Path, tmp_path: Path, installed: Any
) -> None:
    path = Path(shutil.copy(shipped / "rgb24" / "ssim.onnx", tmp_path / "mine.onnx"))
    (job,) = build.jobs(ModelFile.read(path), [ADA], [Profile.parse("540p")])
    (before,) = job.recipe.profiles
    engine = HEADER + b"ssim"
    store.put(engine, describe(job, engine, {}))
    shutil.copy(shipped / "rgb24" / "l1.onnx", path)

    (step,) = plan(wanted_again(store), store, find_gpu=no_gpu)

    assert before.least.height == 11
    assert step.job.recipe.profiles == (Profile.parse("540p"),)


def test_a_model_that_no_engine_is_of_is_said(
    keep: Callable[..., StoredEngine], store: Store, shipped: Path, installed: Any
) -> None:
    keep()
    other = ModelFile.read(shipped / "rgb24" / "l1.onnx")

    _, absent = wanted_again(store, models=[other])

    assert (absent.name, absent.action) == (str(other.path), "cannot")
    assert "no engine of the store is of it" in absent.why


def test_builder_options_are_wanted_again(
    keep: Callable[..., StoredEngine], store: Store, installed: Any
) -> None:
    keep(options={"builder_optimization_level": "5", "tf32": "false"})

    (wanted,) = wanted_again(store)

    assert wanted.options == {"builder_optimization_level": "5"}


def test_nothing_of_another_flavour_is_asked_for_with_options(
    keep: Callable[..., StoredEngine], store: Store, installed: Any
) -> None:
    keep(options={"builder_optimization_level": "5", "tf32": "false"})

    wanted = wanted_again(store, targets=[HOPPER, BLACKWELL])

    assert [each.target for each in wanted] == [ADA, BLACKWELL]


def test_an_engine_is_kept_where_its_tensorrt_is_not_installed(
    keep: Callable[..., StoredEngine], store: Store, installed: Any
) -> None:
    keep()
    installed(tensorrt="10.9.0.34")

    (step,) = plan(wanted_again(store), store, find_gpu=no_gpu)

    assert step.action == "keep"
    assert step.why == "of tensorrt_rtx 1.7.1.116; tensorrt_rtx is not installed here to compare"


def test_no_gpu_is_asked_for_where_rtx_builds(
    keep: Callable[..., StoredEngine], store: Store, mine: Path, installed: Any
) -> None:
    keep()

    def never() -> Gpu:
        raise AssertionError("no GPU was to be asked for")

    wanted = wanted_again(store)

    assert [step.action for step in plan(wanted, store, find_gpu=never)] == ["keep"]
