from collections.abc import Callable
from pathlib import Path

import pytest

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.playlists import HEAD, check_is_no_list
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]

LISTS = {
    "list.m3u8": ("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n", "HLS"),
    "list.mp4": ("ffconcat version 1.0\nfile part.ts\n", "ffconcat"),
    "bom.txt": ("\ufeffffconcat version 1.0\nfile part.ts\n", "ffconcat"),
    "list.mpd": ('<?xml version="1.0"?>\n<!-- made by hand -->\n<MPD xmlns="x"></MPD>', "DASH"),
    "list.xml": ('<?xml version="1.0"?>\n<CompositionPlaylist/>', "IMF"),
    "list.sdp": ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n", "SDP"),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("has_part", [True, False], ids=["with its files", "without them"])
def test_a_list_of_other_files_is_refused_by_name(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path, name: str, has_part: bool
) -> None:
    text, kind = LISTS[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    if has_part:
        run_ffmpeg("-i", clips / "reference.mp4", "-c", "copy", tmp_path / "part.ts")

    with pytest.raises(ScoreError, match=rf"{kind}.*points to other files.*-c copy whole\.mkv"):
        open_source(tmp_path / name)


def test_a_list_is_known_by_its_format_too() -> None:
    with pytest.raises(ScoreError, match="Standard input is an HLS playlist"):
        check_is_no_list("Standard input", format_name="hls")


def test_files_of_video_are_no_lists(clips: Path) -> None:
    for path in clips.glob("reference*"):
        check_is_no_list(path.name, path.read_bytes()[:HEAD], "mov,mp4,m4a,3gp,3g2,mj2")
