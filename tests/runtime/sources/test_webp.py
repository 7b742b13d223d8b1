from collections.abc import Callable
from pathlib import Path

import pytest

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.source import open_source

Ffmpeg = Callable[..., bytes]


def test_an_animation_is_refused_with_the_way_round(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clip.webp"
    run_ffmpeg("-i", clips / "reference.mp4", "-c:v", "libwebp_anim", "-frames:v", 4, path)

    with pytest.raises(ScoreError, match=r"animated WebP, which FFmpeg cannot decode.*magick"):
        open_source(path)


def test_a_still_with_an_extended_header_is_read(
    run_ffmpeg: Ffmpeg, clips: Path, tmp_path: Path
) -> None:
    path = tmp_path / "still.webp"
    run_ffmpeg("-i", clips / "reference.mp4", "-c:v", "libwebp", "-frames:v", 1, path)
    simple = path.read_bytes()[12:]
    size = (319).to_bytes(3, "little") + (175).to_bytes(3, "little")
    chunks = b"WEBPVP8X\x0a\0\0\0" + bytes(4) + size + simple
    path.write_bytes(b"RIFF" + len(chunks).to_bytes(4, "little") + chunks)

    with open_source(path) as source:
        assert sum(1 for _ in source.frames(format="rgb24")) == 1
