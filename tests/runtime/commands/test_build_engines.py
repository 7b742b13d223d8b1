import json
import os
import shlex
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framegauge.engines.identity.machine import TargetError, gpu
from framegauge.runtime.cli import main
from framegauge.runtime.commands import build_engines as engines_commands

PROFILE = ["--profile", "16x16/64x64/256x256x2"]

pytest.importorskip("tensorrt_rtx")


def has_gpu() -> Any:
    try:
        gpu()
    except TargetError:
        return False
    return True


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command on a store of its own; gives the exit code and what it printed."""
    monkeypatch.setenv("FRAMEGAUGE_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("FRAMEGAUGE_SYSTEM_STORE", raising=False)

    def command(*words: Any) -> Any:
        with pytest.raises(SystemExit) as left:
            main(["engines", *map(str, words)])
        printed = capsys.readouterr()
        return left.value.code, printed.out, printed.err

    return command


@pytest.fixture
def path(shipped: Callable[..., Path]) -> Any:
    """A small model."""
    return shipped("mse", "rgb24")


def listed(run: Any) -> Any:
    return json.loads(run("list", "--json")[1])


def test_engines_are_built_listed_checked_and_removed(run: Any, path: Any, tmp_path: Path) -> None:
    code, table, _ = run("build", path, "--target", "rtx,sm89", *PROFILE)
    assert code == 0
    assert table.count("built in") == 2

    code, table, _ = run("list")
    assert code == 0
    for word in ("mse.onnx", "rtx", "sm89", "tensorrt_rtx 1.", "fp32", "MiB", "ok"):
        assert word in table
    engines = listed(run)
    assert {engine["target"] for engine in engines} == {"rtx", "sm89"}
    assert all(engine["entries"] == ["mse"] and engine["problem"] is None for engine in engines)

    code, words, _ = run("verify")
    assert code == 0
    assert words.count("sound") == 2
    assert words.count("checked: size and SHA-256") == 2

    code, words, _ = run("prune", "--older-than", "0", "--dry-run")
    assert words.startswith(engines[0]["key"][:12])
    assert str(tmp_path / "store" / f"{engines[0]['key']}.json") in words
    assert len(listed(run)) == 2
    code, words, _ = run("prune", "--older-than", "0")
    assert (code, listed(run)) == (0, [])
    assert "2 removed" in words


def test_a_second_build_keeps_what_is_there(run: Any, path: Any) -> None:
    run("build", path, "--target", "sm89", *PROFILE)

    code, table, _ = run("build", path, "--target", "sm89", *PROFILE)

    assert code == 0
    assert "kept" in table
    assert "built" not in table


def test_a_store_can_be_named(run: Any, path: Any, tmp_path: Path) -> None:
    run("build", path, "--target", "sm89", "--store", tmp_path / "other", "--quiet", *PROFILE)

    assert listed(run) == []
    assert len(json.loads(run("list", "--json", "--store", tmp_path / "other")[1])) == 1


def test_sm80_is_built_with_a_word_of_warning(run: Any, path: Any) -> None:
    code, _, words = run("build", path, "--target", "sm80", *PROFILE)

    assert code == 0
    assert "note: sm80" in words


@pytest.mark.skipif(has_gpu(), reason="there is a GPU here")
def test_what_was_not_checked_without_a_gpu_is_said(run: Any, path: Any) -> None:
    run("build", path, "--target", "sm89", *PROFILE)

    _, words, _ = run("verify")

    assert "not checked: whether it fits a GPU, and its self-test: there is no GPU here" in words


def test_a_broken_engine_fails_the_check_and_is_listed_as_it_is(
    run: Any, path: Any, tmp_path: Path
) -> None:
    run("build", path, "--target", "sm89", *PROFILE)
    (engine,) = (tmp_path / "store").glob("*.engine")
    os.truncate(engine, 1000)

    code, words, error = run("verify")

    assert code == 1
    assert "REFUSED" in words
    assert "1 of 1 engines are not to be used" in error
    assert "has 1000 bytes" in listed(run)[0]["problem"]
    assert "has 1000 bytes" in run("list")[1]


def test_one_engine_is_checked_by_the_start_of_its_key(run: Any, path: Any) -> None:
    run("build", path, "--target", "sm86,sm89", *PROFILE)
    key = listed(run)[0]["key"]

    code, words, _ = run("verify", key[:16])

    assert code == 0
    assert words.count("sound") == 1
    code, _, error = run("verify", "zz")
    assert code == 2
    assert "0 engines have a key that starts with 'zz'" in error


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--target", "gtx"], 2, "--target takes rtx, local"),
        (["--target", "sm89", "--profile", "huge"], 2, "--profile takes 360p"),
        (["--target", "sm89", "--builder-option", "tf32=true"], 2, "TF32 is always off"),
        (["--target", "sm89", "--builder-option", "level=5"], 2, "Its options: "),
        pytest.param(
            ["--target", "local"],
            4,
            "There is no GPU 0",
            marks=pytest.mark.skipif(has_gpu(), reason="there is a GPU here"),
        ),
        (["--target", "sm90"], 4, "sm90 on such a GPU alone"),
        (
            ["--target", "sm89", "--builder-option", "version_compatible=true"],
            1,
            "built no engine of",
        ),
    ],
)
def test_a_build_that_cannot_be_is_refused_with_the_right_code(
    run: Any, path: Any, words: list[Any], code: int, message: str
) -> None:
    left, _, error = run("build", path, *words)

    assert left == code
    assert message in error


def test_what_is_no_model_is_refused(run: Any, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")

    assert run("build", tmp_path / "text.onnx", "--target", "sm89")[0] == 2
    assert run("build", tmp_path / "none.onnx", "--target", "sm89")[0] == 1


def test_a_store_that_others_may_write_stops_every_command(
    run: Any, path: Any, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)

    for words in (["list"], ["verify"], ["prune"], ["build", path, "--target", "sm89"]):
        code, _, error = run(*words)
        assert code == 1
        assert "may be written by others" in error


def test_the_line_for_trtexec_is_printed_alone(run: Any, path: Any) -> None:
    code, line, _ = run("command", path, "--tensorrt", "10", "-o", "out.plan", *PROFILE)

    assert code == 0
    words = shlex.split(line)
    assert words[0] == "trtexec"
    assert {"--saveEngine=out.plan", "--noTF32", "--stronglyTyped"} <= set(words)


def test_an_engine_built_elsewhere_is_taken_in_and_what_is_not_proven_is_said(
    run: Any, path: Any, tmp_path: Path
) -> None:
    run("build", path, "--target", "sm89", "--store", tmp_path / "other", *PROFILE)
    (plan,) = (tmp_path / "other").glob("*.engine")

    code, key, words = run("adopt", plan, "--model", path, *PROFILE)

    assert code == 0
    assert key.strip() == listed(run)[0]["key"]
    assert "not proven: model, profiles, options, platform" in words
    assert "kept" in run("build", path, "--target", "sm89", *PROFILE)[1]


@pytest.mark.parametrize("option", ["--older-than", "--unused"])
def test_days_are_counted_from_none_up(run: Any, option: str) -> None:
    code, _, error = run("prune", option, "-5")

    assert code == 2
    assert "-5.0 is not in the range x>=0" in error


def test_what_prune_leaves_alone_is_named(run: Any, path: Any, tmp_path: Path) -> None:
    run("build", path, "--target", "sm89", *PROFILE)
    (sidecar,) = (tmp_path / "store").glob("*.json")
    sidecar.chmod(0o666)

    code, words, _ = run("prune")

    assert code == 0
    assert "left alone: " in words
    assert "chmod go-w" in words
    assert sidecar.exists()


@pytest.mark.parametrize("command", ["verify", "regenerate"])
def test_a_store_that_is_named_and_not_there_is_refused(
    run: Any, tmp_path: Path, command: str
) -> None:
    code, _, error = run(command, "--store", tmp_path / "enignes")

    assert code == 2
    assert f"There are no engines in {tmp_path / 'enignes'}" in error


def test_the_users_own_store_may_be_empty_and_that_is_said(run: Any, tmp_path: Path) -> None:
    code, words, _ = run("verify")

    assert code == 0
    assert words == f"There are no engines in {tmp_path / 'store'}.\n"


def test_a_log_shows_the_start_and_the_end_of_each_build(run: Any, path: Any) -> None:
    _, _, error = run("build", path, "--target", "sm86,sm89", *PROFILE)

    assert sorted(error.splitlines()) == [
        "mse.onnx for sm86: building",
        "mse.onnx for sm86: built",
        "mse.onnx for sm89: building",
        "mse.onnx for sm89: built",
    ]


def test_an_interrupt_says_what_is_kept(
    run: Any, path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engines_commands, "build", interrupted)

    code, _, error = run("build", path, "--target", "sm89", *PROFILE)

    assert code == 130
    assert error == "error: interrupted; engines that were finished are kept\n"


def test_a_plan_is_taken_in_for_the_profile_that_is_named_alone(
    run: Any, path: Any, tmp_path: Path
) -> None:
    code, _, error = run("adopt", tmp_path / "any.plan", "--model", path)

    assert code == 2
    assert "Missing option '--profile'" in error


def test_a_plan_says_nothing_of_its_gpu_and_length(run: Any, path: Any, tmp_path: Path) -> None:
    plan = tmp_path / "model.plan"
    plan.write_bytes(b"ftrt" + struct.pack("<IQQ", 0, 1, 44) + bytes([10, 9, 0, 34]) + b"x" * 200)

    _, _, words = run("adopt", plan, "--model", path, "--target", "sm90", *PROFILE)

    assert "tensorrt 10.9.0.34, by the file itself." in words
    assert "not proven: model, profiles, options, platform, target" in words
    assert (
        "not checked: its length and its GPU, of which such a file tells nothing"
        in (run("verify")[1])
    )


def test_a_portable_engine_is_taken_in_by_the_name_of_its_target(
    run: Any, path: Any, tmp_path: Path
) -> None:
    run("build", path, "--target", "rtx", "--store", tmp_path / "other", *PROFILE)
    (engine,) = (tmp_path / "other").glob("*.engine")

    code, _, words = run("adopt", engine, "--model", path, "--target", "rtx", *PROFILE)

    assert code == 0
    assert " for rtx, by the file itself." in words


def test_a_sidecar_that_lies_hides_no_other_engine(run: Any, path: Any, tmp_path: Path) -> None:
    run("build", path, "--target", "sm86,sm89", *PROFILE)
    first, _ = sorted((tmp_path / "store").glob("*.json"))
    facts = json.loads(first.read_text())
    first.write_text(json.dumps(facts | {"created": "yesterday"}))

    code, table, _ = run("list")

    assert code == 0
    assert "ok" in table
    assert "Invalid isoformat" in table
