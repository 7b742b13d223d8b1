import json
import os
import shlex

import pytest

from framegauge.engines.machine import TargetError, gpu
from framegauge.runtime.cli import main

PROFILE = ["--profile", "16x16/64x64/256x256x2"]

pytest.importorskip("tensorrt_rtx")


def has_gpu():
    try:
        gpu()
    except TargetError:
        return False
    return True


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Runs a command on a store of its own; gives the exit code and what it printed."""
    monkeypatch.setenv("FRAMEGAUGE_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("FRAMEGAUGE_SYSTEM_STORE", raising=False)

    def command(*words):
        with pytest.raises(SystemExit) as left:
            main(["engines", *map(str, words)])
        printed = capsys.readouterr()
        return left.value.code, printed.out, printed.err

    return command


@pytest.fixture
def path(shipped):
    """A small model."""
    return shipped / "rgb24" / "mse.onnx"


def listed(run):
    return json.loads(run("list", "--json")[1])


def test_engines_are_built_listed_checked_and_removed(run, path, tmp_path):
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

    assert run("prune", "--older-than", "-1", "--dry-run")[1].startswith(engines[0]["key"][:12])
    assert len(listed(run)) == 2
    code, words, _ = run("prune", "--older-than", "-1")
    assert (code, listed(run)) == (0, [])
    assert "2 removed" in words


def test_a_second_build_keeps_what_is_there(run, path):
    run("build", path, "--target", "sm89", *PROFILE)

    code, table, _ = run("build", path, "--target", "sm89", *PROFILE)

    assert code == 0
    assert "kept" in table
    assert "built" not in table


def test_a_store_can_be_named(run, path, tmp_path):
    run("build", path, "--target", "sm89", "--store", tmp_path / "other", "--quiet", *PROFILE)

    assert listed(run) == []
    assert len(json.loads(run("list", "--json", "--store", tmp_path / "other")[1])) == 1


def test_sm80_is_built_with_a_word_of_warning(run, path):
    code, _, words = run("build", path, "--target", "sm80", *PROFILE)

    assert code == 0
    assert "note: sm80" in words


@pytest.mark.skipif(has_gpu(), reason="there is a GPU here")
def test_what_was_not_checked_without_a_gpu_is_said(run, path):
    run("build", path, "--target", "sm89", *PROFILE)

    _, words, _ = run("verify")

    assert "not checked: whether it fits a GPU, and its self-test: there is no GPU here" in words


def test_a_broken_engine_fails_the_check_and_is_listed_as_it_is(run, path, tmp_path):
    run("build", path, "--target", "sm89", *PROFILE)
    (engine,) = (tmp_path / "store").glob("*.engine")
    os.truncate(engine, 1000)

    code, words, error = run("verify")

    assert code == 1
    assert "REFUSED" in words
    assert "1 of 1 engines are not to be used" in error
    assert "has 1000 bytes" in listed(run)[0]["problem"]
    assert "has 1000 bytes" in run("list")[1]


def test_one_engine_is_checked_by_the_start_of_its_key(run, path):
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
def test_a_build_that_cannot_be_is_refused_with_the_right_code(run, path, words, code, message):
    left, _, error = run("build", path, *words)

    assert left == code
    assert message in error


def test_what_is_no_model_is_refused(run, tmp_path):
    (tmp_path / "text.onnx").write_text("no model")

    assert run("build", tmp_path / "text.onnx", "--target", "sm89")[0] == 2
    assert run("build", tmp_path / "none.onnx", "--target", "sm89")[0] == 1


def test_a_store_that_others_may_write_stops_every_command(run, path, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)

    for words in (["list"], ["verify"], ["prune"], ["build", path, "--target", "sm89"]):
        code, _, error = run(*words)
        assert code == 1
        assert "may be written by others" in error


def test_the_line_for_trtexec_is_printed_alone(run, path):
    code, line, _ = run("command", path, "--tensorrt", "10", "-o", "out.plan", *PROFILE)

    assert code == 0
    words = shlex.split(line)
    assert words[0] == "trtexec"
    assert {"--saveEngine=out.plan", "--noTF32", "--stronglyTyped"} <= set(words)


def test_an_engine_built_elsewhere_is_taken_in_and_what_is_not_proven_is_said(run, path, tmp_path):
    run("build", path, "--target", "sm89", "--store", tmp_path / "other", *PROFILE)
    (plan,) = (tmp_path / "other").glob("*.engine")

    code, key, words = run("adopt", plan, "--model", path, *PROFILE)

    assert code == 0
    assert key.strip() == listed(run)[0]["key"]
    assert "not proven: model, profiles, options, platform" in words
    assert "kept" in run("build", path, "--target", "sm89", *PROFILE)[1]
