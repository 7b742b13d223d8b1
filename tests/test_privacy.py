"""Nothing leaves the machine, and nothing is kept on it, unasked."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from framegauge.export.contract.onnx_runtime import import_onnxruntime
from framegauge.runtime.models.model_files import SHIPPED

CLIPS = Path(__file__).parent / "clips"
PAIR = (CLIPS / "reference.mp4", CLIPS / "distorted.mp4")
PSNR = SHIPPED / "rgb24" / "psnr.onnx"

# Each refers to a host. The names of protocols are FFmpeg's.
SESSION = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=video 5004 RTP/AVP 96
a=rtpmap:96 H264/90000
"""
REFERRING = {
    "playlist.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"
    "#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile 'http://127.0.0.1:9/a.mp4'\n",
    "session.sdp": SESSION,
    "link.mov": "RTSPtextrtsp://127.0.0.1:9/a\n",
}

COMMANDS = {
    "export": ("export", "--metrics", "psnr", "-o", "psnr.onnx"),
    "build": ("engines", "build", PSNR, "--target", "rtx", "--store", "store"),
    "doctor": ("doctor",),
}
ASK_POLYGRAPHY = """
import pathlib, sys
from framegauge.engines.proving.polygraphy_comparison import runner_of_model
with runner_of_model(pathlib.Path(sys.argv[1]).read_bytes()):
    pass
"""
# ONNX Runtime calls home about nine seconds after it was imported.
STAY = """
import sys, time
from framegauge.runtime import Scorer
with Scorer(sys.argv[1]):
    time.sleep(15)
"""
MISBEHAVE = """
import pathlib, socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
try:
    socket.getaddrinfo("framegauge.invalid", 80)
except OSError:
    pass
(pathlib.Path.home() / "identity").write_text("7")
"""


def test_the_watch_sees_sockets_names_and_files(watched: Any) -> None:
    seen = watched(sys.executable, "-c", MISBEHAVE)

    assert any("AF_INET" in call for call in seen.network)
    assert any("/etc/hosts" in call for call in seen.network)
    assert [path.name for path in seen.left] == ["identity"]
    assert seen.written == [str(seen.left[0])]


def test_scoring_keeps_to_itself(watched: Any) -> None:
    seen = watched("framegauge", "score", *PAIR, "--json", "r.json", "--html", "r.html", "--quiet")

    assert seen.done.returncode == 0, seen.done.stderr
    assert (seen.network, seen.written, seen.left) == ([], [], [])


def test_nothing_is_said_where_the_home_cannot_be_written(watched: Any) -> None:
    # A file is no folder, to root neither.
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}

    seen = watched("framegauge", "score", *PAIR, "--quiet", **nowhere)

    assert seen.done.returncode == 0, seen.done.stderr
    assert seen.done.stderr == ""


def test_polygraphy_keeps_to_itself(watched: Any) -> None:
    pytest.importorskip("polygraphy")

    seen = watched(sys.executable, "-c", ASK_POLYGRAPHY, PSNR)

    assert seen.done.returncode == 0, seen.done.stderr
    assert (seen.network, seen.written, seen.left) == ([], [], [])


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_keep_to_themselves(watched: Any, command: str) -> None:
    if command == "build":
        pytest.importorskip("tensorrt_rtx")

    seen = watched("framegauge", *COMMANDS[command])

    assert seen.done.returncode == 0, seen.done.stderr
    assert (seen.network, seen.written, seen.left) == ([], [], [])


@pytest.mark.slow
def test_an_open_scorer_calls_nobody(watched: Any) -> None:
    seen = watched(sys.executable, "-c", STAY, PSNR)

    assert seen.done.returncode == 0, seen.done.stderr
    assert (seen.network, seen.written, seen.left) == ([], [], [])


@pytest.mark.parametrize("name", REFERRING)
def test_a_file_that_names_a_host_is_not_followed(watched: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(REFERRING[name])

    seen = watched("framegauge", "score", PAIR[0], tmp_path / name)

    assert seen.done.returncode == 1
    assert seen.network == []


@pytest.mark.parametrize("name", REFERRING)
def test_a_stream_that_names_a_host_is_not_followed(watched: Any, name: str) -> None:
    seen = watched("framegauge", "score", PAIR[0], "-", stdin=REFERRING[name])

    assert seen.done.returncode == 1
    assert seen.network == []


@pytest.mark.parametrize(("given", "kept"), [(None, "1"), ("0", "0"), ("", "")])
def test_the_users_word_on_telemetry_stands(
    monkeypatch: pytest.MonkeyPatch, given: str | None, kept: str
) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", given or "")
    if given is None:
        monkeypatch.delenv("ORT_DISABLE_TELEMETRY")

    module = import_onnxruntime()

    assert os.environ["ORT_DISABLE_TELEMETRY"] == kept
    assert module.__name__ == "onnxruntime"


def test_a_page_may_load_nothing() -> None:
    template = Path(__file__).parents[1] / "runtime" / "reports" / "page.html.jinja"

    policy = template.read_text().partition('"Content-Security-Policy" content="')[2]

    assert policy.startswith("default-src 'none';")
    assert "http" not in policy.partition('"')[0]
