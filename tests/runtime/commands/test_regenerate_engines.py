from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from framegauge.engines.identity.machine import Gpu, TargetError, gpu
from framegauge.engines.proving.polygraphy_comparison import runner_of_model
from framegauge.engines.store.store import Store
from framegauge.export.contract.manifest import KEY
from framegauge.export.contract.model_bytes import BLANK, DIGEST_KEY, metadata, sealed
from framegauge.export.contract.model_file import ModelFile
from framegauge.runtime.backends.onnx.onnx_session import OnnxSession
from framegauge.runtime.backends.tensorrt import engine_runs as engine_trial
from framegauge.runtime.cli import main
from framegauge.runtime.commands import build_engines as engines_commands
from framegauge.runtime.commands import verify_engines as verify_commands

ADA = Gpu(index=0, name="NVIDIA GeForce RTX 4090", architecture="sm89", driver="13.0")
PROFILE = "16x16/64x64/128x128x2"

pytest.importorskip("tensorrt_rtx")


def has_gpu() -> bool:
    try:
        gpu()
    except TargetError:
        return False
    return True


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command on a store of its own; gives the exit code and what it printed."""
    monkeypatch.setenv("FRAMEGAUGE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("FRAMEGAUGE_SYSTEM_STORE", raising=False)

    def command(*words: Any) -> Any:
        with pytest.raises(SystemExit) as left:
            main(["engines", *map(str, words)])
        printed = capsys.readouterr()
        return left.value.code, printed.out, printed.err

    return command


@pytest.fixture
def mine(tmp_path: Path, shipped: Callable[..., Path]) -> Path:
    """A model of the user's."""
    return Path(shutil.copy(shipped("psnr", "rgb24"), tmp_path))


@pytest.fixture
def fleet(tmp_path: Path, mine: Path) -> Path:
    """A fleet of two engines."""
    path = tmp_path / "fleet.toml"
    path.write_text(
        "[[engines]]\n"
        'models = ["psnr.onnx"]\n'
        'targets = ["sm89", "sm120"]\n'
        f'profiles = ["{PROFILE}"]\n'
    )
    return path


@pytest.fixture
def built(run: Any, mine: Path) -> str:
    """An engine of the user's model for SM89; its key."""
    assert run("build", mine, "--target", "sm89", "--profile", PROFILE)[0] == 0
    (engine,) = json.loads(run("list", "--json")[1])
    return engine["key"]


def resealed(content: bytes) -> bytes:
    """The bytes of a model that was changed, whose digest says that it was meant so."""
    digits = metadata(content, file="changed")[DIGEST_KEY].encode()
    return sealed(content.replace(digits, BLANK))


def change(path: Path) -> None:
    """Write a model anew, a note of its metadata changed."""
    content = path.read_bytes()
    altered = content.replace(b'"torch":"2.', b'"torch":"9.')
    assert altered != content
    path.write_bytes(resealed(altered))


def outcomes(run: Any, *words: Any) -> list[tuple[str, str, str]]:
    code, printed, _ = run("regenerate", *words, "--json")
    assert code == 0
    return [(row["target"], row["outcome"], row["why"]) for row in json.loads(printed)]


def test_a_fleet_is_planned_built_kept_and_built_again_when_its_model_changes(
    run: Any, fleet: Path, mine: Path, tmp_path: Path
) -> None:
    assert outcomes(run, fleet, "--dry-run") == [
        ("sm89", "to build", "no engine of psnr.onnx"),
        ("sm120", "to build", "no engine of psnr.onnx"),
    ]
    assert not (tmp_path / "store").exists()

    assert [outcome for _, outcome, _ in outcomes(run, fleet)] == ["built", "built"]
    code, table, _ = run("regenerate", fleet)
    assert code == 0
    assert "Nothing to do: 2 engines are up to date." in table

    before = ModelFile.read(mine).sha256
    change(mine)
    why = f"model changed: sha {before[:8]} -> {ModelFile.read(mine).sha256[:8]}"
    assert sorted(outcomes(run, "--dry-run")) == [
        ("sm120", "to build", why),
        ("sm89", "to build", why),
    ]
    assert {outcome for _, outcome, _ in outcomes(run)} == {"built"}
    assert {outcome for _, outcome, _ in outcomes(run)} == {"kept"}


def test_the_fleets_own_store_is_used_unless_another_is_named(
    run: Any, fleet: Path, tmp_path: Path
) -> None:
    fleet.write_text('store = "own"\n' + fleet.read_text().replace(', "sm120"', ""))

    assert run("regenerate", fleet)[0] == 0
    assert (tmp_path / "own").is_dir()
    assert outcomes(run, fleet, "--store", tmp_path / "other", "--dry-run")[0][1] == "to build"


def test_models_are_named_by_entries_as_score_takes_them(run: Any, tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        '[[engines]]\nentries = ["psnr_y,psnr"]\nformats = ["yuv420p"]\ntargets = ["rtx"]\n'
    )

    code, printed, _ = run("regenerate", fleet, "--dry-run", "--json")

    assert code == 0
    assert [Path(row["model"]).name for row in json.loads(printed)] == ["psnr_y.onnx", "psnr.onnx"]


def test_a_build_that_fails_stops_no_other_and_is_listed(
    run: Any, fleet: Path, shipped: Callable[..., Path], tmp_path: Path
) -> None:
    liar = onnx.load(shipped("l1", "rgb24"))
    truth = onnx.load(shipped("mse", "rgb24"))
    words = {entry.key: entry.value for entry in truth.metadata_props}
    for entry in liar.metadata_props:
        entry.value = words[KEY] if entry.key == KEY else entry.value
    (tmp_path / "liar.onnx").write_bytes(resealed(liar.SerializeToString()))
    fleet.write_text(
        fleet.read_text()
        .replace('["psnr.onnx"]', '["liar.onnx", "psnr.onnx"]')
        .replace(', "sm120"', "")
    )

    code, printed, error = run("regenerate", fleet)

    assert code == 1
    assert "1 of 2 engines could not be made:" in error
    assert "liar.onnx for sm89: The manifest of" in error
    assert "built in" in printed
    assert [each["model"] for each in json.loads(run("list", "--json")[1])] == ["psnr.onnx"]


def test_what_cannot_be_read_stops_no_other_and_is_listed(
    run: Any, fleet: Path, mine: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.onnx").write_bytes(mine.read_bytes()[:-3])
    fleet.write_text(
        fleet.read_text().replace('["psnr.onnx"]', '["*.onnx"]').replace(', "sm120"', "")
        + '[[engines]]\nentries = ["nonsense"]\ntargets = ["sm89"]\n'
    )

    code, printed, error = run("regenerate", fleet, "--json")

    rows = {Path(row["name"]).name: row["outcome"] for row in json.loads(printed)}
    assert code == 1
    assert rows == {
        "cut.onnx": "cannot",
        "psnr.onnx": "built",
        "nonsense (rgb24, fp32)": "cannot",
    }
    assert "2 of 3 engines could not be made:" in error
    assert "nonsense (rgb24, fp32) for sm89: " in error


@pytest.mark.skipif(has_gpu(), reason="there is a GPU here")
def test_a_target_that_is_not_here_stops_no_other_and_is_listed(run: Any, fleet: Path) -> None:
    fleet.write_text(fleet.read_text().replace('"sm89", "sm120"', '"local", "sm89"'))

    code, printed, error = run("regenerate", fleet)

    assert code == 1
    assert "built in" in printed
    assert "psnr.onnx for local: There is no GPU 0" in error


def test_a_model_that_is_gone_fails_what_was_to_make_its_engines_again(
    run: Any, mine: Path, built: str
) -> None:
    mine.unlink()

    code, printed, error = run("regenerate", "--json")

    assert code == 1
    assert [row["outcome"] for row in json.loads(printed)] == ["cannot"]
    assert "Say where it is with --model" in error


def test_a_dry_run_makes_no_model(
    run: Any, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMEGAUGE_CACHE", str(tmp_path / "cache"))
    fleet.write_text(
        '[[engines]]\nentries = ["census"]\ntargets = ["rtx", "sm89"]\nprecisions = ["fp16"]'
    )

    code, printed, _ = run("regenerate", fleet, "--dry-run", "--json")

    assert code == 0
    (row,) = json.loads(printed)
    assert (row["name"], row["outcome"]) == ("census (rgb24, fp16)", "to export, then build")
    assert row["target"] == "rtx, sm89"
    assert list(tmp_path.glob("cache/*.onnx")) == []


def test_a_fleets_builds_are_told_of_as_they_go(run: Any, fleet: Path) -> None:
    _, _, error = run("regenerate", fleet)

    assert sorted(error.splitlines()) == [
        "psnr.onnx for sm120: building",
        "psnr.onnx for sm120: built",
        "psnr.onnx for sm89: building",
        "psnr.onnx for sm89: built",
    ]


def test_a_gpu_that_is_not_here_is_listed_as_what_cannot_be_done(run: Any, fleet: Path) -> None:
    fleet.write_text(fleet.read_text().replace('"sm89", "sm120"', '"sm89", "sm90"'))

    code, printed, error = run("regenerate", fleet)

    assert code == 1
    assert "cannot" in printed
    assert "psnr.onnx for sm90: " in error
    assert [each["target"] for each in json.loads(run("list", "--json")[1])] == ["sm89"]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["nowhere.toml"], 1, "nowhere.toml"),
        (["FLEET", "--target", "sm89"], 2, "--target and --model go without FLEET.toml"),
        (["--target", "gtx"], 2, "--target takes rtx, local"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    run: Any, fleet: Path, words: list[Any], code: int, reason: str
) -> None:
    left, _, error = run("regenerate", *[fleet if word == "FLEET" else word for word in words])

    assert left == code
    assert reason in error


def test_the_engine_of_a_run_is_found_by_its_file(run: Any, mine: Path, built: str) -> None:
    code, printed, error = run("resolve", mine, "--gpu", "sm89", "--size", "64x64x2")

    assert code == 0
    assert Path(printed.strip()).name.startswith(built)
    assert Path(printed.strip()).is_file()
    assert f"exact fit for sm89, profile {PROFILE}" in error


def test_every_candidate_is_explained(run: Any, mine: Path, built: str) -> None:
    assert run("build", mine, "--target", "rtx,sm86", "--profile", PROFILE)[0] == 0

    code, table, _ = run("resolve", mine, "--gpu", "sm89", "--explain")

    assert code == 0
    lines = {line.split()[2]: line for line in table.splitlines()[1:]}
    assert "chosen" in lines["sm89"]
    assert "usable" in lines["rtx"]
    assert "fits the GPU less closely" in lines["rtx"]
    assert "refused" in lines["sm86"]
    assert "for sm86, and the GPU is sm89" in lines["sm86"]


def test_nothing_that_fits_is_exit_code_four_with_what_to_do(
    run: Any, mine: Path, built: str
) -> None:
    for words in (["--gpu", "sm120"], ["--gpu", "sm89", "--size", "256x256"]):
        code, printed, error = run("resolve", mine, *words)

        assert code == 4
        assert printed == ""
        assert f"framegauge engines build {mine} --target {words[1]}" in error
        assert ("--profile 360p" in error) == ("--size" in words)


def test_what_to_do_works_for_the_store_and_the_gpu_that_were_named(
    run: Any, mine: Path, built: str, tmp_path: Path
) -> None:
    store = ["--store", tmp_path / "store"]

    _, _, small = run("resolve", mine, "--gpu", "RTX 5090", "--size", "1920x1080x4", *store)
    _, _, large = run("resolve", mine, "--gpu", "sm89", "--size", "7680x4320")
    _, _, other = run("resolve", mine, "--gpu", "H100", *store)

    target = f"framegauge engines build {mine} --target"
    assert f"{target} sm120 --profile 1080p --store {tmp_path / 'store'}" in small
    assert f"{target} sm89 --profile 7680x4320" in large
    assert "with TensorRT on a machine with such a GPU (sm90): " in other
    assert f"{target} local --store {tmp_path / 'store'}" in other


def test_a_check_says_by_its_exit_code_whether_there_is_something_to_do(
    run: Any, mine: Path, built: str
) -> None:
    kept, _, _ = run("regenerate", "--check")
    wanted, table, _ = run("regenerate", "--target", "sm120", "--check")

    assert (kept, wanted) == (0, 3)
    assert "to build" in table
    assert "sm120" not in run("list")[1]


def test_an_engine_of_a_model_that_changed_is_superseded_and_can_go(
    run: Any, mine: Path, built: str, shipped: Callable[..., Path]
) -> None:
    mine.write_bytes(shipped("l1", "rgb24").read_bytes())
    run("regenerate")
    (old, new) = sorted(json.loads(run("list", "--json")[1]), key=lambda each: each["key"] != built)

    _, table, _ = run("list")
    code, words, _ = run("prune", "--superseded")

    assert old["superseded"].startswith(f"superseded by {new['key'][:12]}: model changed, sha ")
    assert new["superseded"] is None
    assert (old["format"], new["format"]) == ("rgb24", "rgb24")
    assert "superseded by" in table
    assert (code, words.startswith(built[:12])) == (0, True)
    assert [each["key"] for each in json.loads(run("list", "--json")[1])] == [new["key"]]


def test_the_same_as_json(run: Any, mine: Path, built: str) -> None:
    code, printed, _ = run("resolve", mine, "--gpu", "sm120", "--json")

    found = json.loads(printed)
    assert code == 4
    assert (found["gpu"], found["chosen"], found["path"]) == ("sm120", None, None)
    assert found["candidates"][0]["key"] == built
    assert found["candidates"][0]["verdict"] == "refused"


@pytest.mark.skipif(has_gpu(), reason="there is a GPU here")
def test_without_a_gpu_one_has_to_be_named(run: Any, mine: Path, built: str) -> None:
    code, _, error = run("resolve", mine)

    assert code == 4
    assert "--gpu sm89" in error or "--target sm89" in error


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--size", "1080p"], "--size takes WxH or WxHxN, such as 1920x1080x2; got '1080p'."),
        (["--size", "8x8/9x9/9x9"], "--size takes WxH"),
        (["--gpu", "rtx"], "--gpu takes one architecture or GPU, such as sm89 or L40S; got 'rtx'."),
        (["--gpu", "ada"], "got 'ada'"),
    ],
)
def test_what_cannot_be_resolved_is_refused_by_name(
    run: Any, mine: Path, words: list[Any], reason: str
) -> None:
    code, _, error = run("resolve", mine, "--gpu", "sm89", *words)

    assert code == 2
    assert reason in error


def test_an_engine_is_held_against_its_model(
    run: Any, mine: Path, built: str, tmp_path: Path
) -> None:
    assert f"{mine} is still the model it was built from" in run("verify")[1]

    change(mine)
    code, words, _ = run("verify")
    assert code == 0
    assert f"not checked: the model {mine} has changed since" in words

    (tmp_path / "elsewhere").mkdir()
    moved = mine.rename(tmp_path / "elsewhere" / mine.name)
    assert "Say where it is with --model" in run("verify")[1]
    assert f"the model {moved} has changed since" in run("verify", "--model", moved)[1]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, mine: Path) -> Any:
    """A machine whose GPU is ONNX Runtime, off by as much as it is told."""

    def play(off: float = 0.0, opinion: float = 0.0) -> None:
        class Played(OnnxSession):
            def __init__(
                self, content: Any, manifest: Any, profiles: Any, *, only: Any, **_: Any
            ) -> None:
                self.profile = profiles[only]
                super().__init__(ModelFile.read(mine), threads=1)

            def run(self, feed: Any, outputs: Any = None) -> Any:
                count, height, width, _ = feed["reference"].shape
                assert self.profile.holds(count, height, width)
                values = super().run(feed, outputs)
                return {name: value + off for name, value in values.items()}

        def shifted(content: Any, flavour: Any, profile: Any) -> Any:
            proto = onnx.load(mine)
            proto.graph.output[0].name = "psnr"
            for node in proto.graph.node:
                node.output[:] = ["before" if name == "psnr" else name for name in node.output]
                node.input[:] = ["before" if name == "psnr" else name for name in node.input]
            amount = onnx.helper.make_tensor("amount", onnx.TensorProto.FLOAT, [], [opinion])
            proto.graph.initializer.append(amount)
            proto.graph.node.append(onnx.helper.make_node("Add", ["before", "amount"], ["psnr"]))
            return runner_of_model(proto.SerializeToString())

        monkeypatch.setattr(verify_commands, "gpu_here", lambda: ADA)
        monkeypatch.setattr(engine_trial, "TensorrtSession", Played)
        monkeypatch.setattr(engine_trial, "Cuda", lambda index: None)
        monkeypatch.setattr(engine_trial, "runner_of_engine", shifted)

    return play


def test_where_there_is_a_gpu_every_number_is_shown_and_kept(
    run: Any, mine: Path, built: str, played: Any
) -> None:
    played()

    code, words, _ = run("verify")

    assert code == 0
    assert "sound" in words
    assert "checked: its self-test on NVIDIA GeForce RTX 4090 (sm89)" in words
    assert "Polygraphy agrees on psnr: 0 off" in words
    rows = [line.split() for line in words.splitlines() if "ONNX Runtime  psnr " in line]
    assert [row[1] for row in rows] == ["16x16", "64x64", "128x128x2"]
    assert all(row[-2:] == ["dB", "ok"] for row in rows)
    (engine,) = json.loads(run("list", "--json")[1])
    (verification,) = engine["verifications"]
    assert verification["passed"] is True
    assert verification["errors"]["psnr"]["unit"] == "dB"


@pytest.mark.parametrize("how", ["off", "opinion"])
def test_an_engine_beyond_tolerance_is_refused_and_not_found_again(
    run: Any, mine: Path, built: str, played: Any, how: str
) -> None:
    played(**{how: 0.5})

    code, words, error = run("verify")

    assert code == 1
    assert "REFUSED" in words
    assert ("FAILED" if how == "off" else "Polygraphy disagrees on psnr: 0.5 off") in words
    assert "1 of 1 engines are not to be used" in error
    assert run("resolve", mine, "--gpu", "sm89")[0] == 4
    assert (
        "failed its self-test on NVIDIA GeForce RTX 4090"
        in (run("resolve", mine, "--gpu", "sm89", "--explain")[1])
    )

    played()
    assert run("verify")[0] == 0
    assert run("resolve", mine, "--gpu", "sm89")[0] == 0


def test_what_nvidias_comparator_raises_is_said_and_the_self_tests_outcome_is_kept(
    run: Any, built: str, played: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> None:
        raise RuntimeError("Could not deserialize engine")

    played(off=0.5)
    monkeypatch.setattr(engine_trial, "opinions", failing)

    code, words, _ = run("verify")

    assert code == 1
    assert "not checked: Polygraphy's opinion (Could not deserialize engine)" in words
    (engine,) = json.loads(run("list", "--json")[1])
    assert [each["passed"] for each in engine["verifications"]] == [False]


def test_a_doubt_of_nvidias_comparator_is_kept_with_the_self_tests_outcome(
    run: Any, built: str, played: Any
) -> None:
    played(opinion=0.5)

    run("verify")

    (engine,) = json.loads(run("list", "--json")[1])
    assert [each["passed"] for each in engine["verifications"]] == [False]


def test_a_store_that_cannot_be_written_stops_no_self_test(
    run: Any, mine: Path, built: str, played: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(store: Any, sidecar: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    run("build", mine, "--target", "rtx", "--profile", PROFILE)
    played()
    monkeypatch.setattr(Store, "amend", read_only)

    code, words, _ = run("verify")

    assert code == 0
    assert words.count("not kept: the outcome of its self-test (") == 2
    assert words.count("Polygraphy agrees on psnr") == 2


def test_the_self_test_can_be_left_out(run: Any, built: str, played: Any) -> None:
    played(off=0.5)

    code, words, _ = run("verify", "--files-only")

    assert code == 0
    assert "not checked: its self-test, by --files-only" in words


@pytest.mark.parametrize("off", [0.0, 0.5])
def test_an_engine_that_is_taken_in_proves_itself_where_there_is_a_gpu(
    run: Any,
    mine: Path,
    built: str,
    played: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    off: float,
) -> None:
    (engine,) = (tmp_path / "store").glob("*.engine")
    played(off=off)
    monkeypatch.setattr(engines_commands, "gpu_here", lambda: ADA)

    code, _, error = run(
        *("adopt", engine, "--model", mine, "--profile", PROFILE),
        *("--store", tmp_path / "other"),
    )

    assert code == (1 if off else 0)
    assert "its self-test on NVIDIA GeForce RTX 4090" in error
    assert ("FAILED" in error) == bool(off)


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu(), reason="there is no GPU here")
def test_an_engine_proves_itself_on_the_gpu_at_hand(run: Any, mine: Path) -> None:
    assert run("build", mine, "--target", "local", "--profile", PROFILE)[0] == 0

    code, words, _ = run("verify")

    assert code == 0
    assert "checked: its self-test on" in words
    assert "Polygraphy agrees on psnr" in words
