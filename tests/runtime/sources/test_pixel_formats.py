import subprocess
import sys
from pathlib import Path

import av.video.format
import pytest

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.pixel_formats import check_pixel_format
from framegauge.runtime.sources.source import open_source

# Opens bare samples of each format at every size and converts them; only a crash is a failure.
CONVERSIONS = """
import sys
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.source import open_source

path, *names = sys.argv[1:]
for name in names:
    print(name, flush=True)
    for size in ((1, 1), (2, 3), (5, 7), (17, 1), (1, 17)):
        for form in ("rgb24", "yuv420p"):
            try:
                with open_source(path, size=size, pixel_format=name) as source:
                    next(source.frames(format=form))
            except (ScoreError, ValueError):
                pass
print("done")
"""
NAMES = sorted(av.video.format.names)


@pytest.mark.parametrize("name", ["bayer_bggr8", "bayer_rggb16le", "yaf32le", "vaapi", "gray32le"])
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(ScoreError, match=rf"clip is {name}, which is .* nothing here converts it"):
        check_pixel_format("clip", name)


@pytest.mark.parametrize("name", ["yuv420p", "rgb24", "monow", "pal8", "gbrapf32le", "ya16le"])
def test_pictures_are_allowed(name: str) -> None:
    check_pixel_format("clip", name)


def test_a_mosaic_in_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mosaic.yuv"
    path.write_bytes(bytes(12))

    with pytest.raises(ScoreError, match="mosaic"):
        open_source(path, size=(2, 3), pixel_format="bayer_bggr8")


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, len(NAMES), 30))
def test_no_pixel_format_ends_the_process(start: int, tmp_path: Path) -> None:
    path = tmp_path / "clip.yuv"
    path.write_bytes(bytes(4096))
    names = NAMES[start : start + 30]

    child = subprocess.run(
        [sys.executable, "-c", CONVERSIONS, path, *names], capture_output=True, text=True
    )

    assert child.stdout.split() == [*names, "done"], child.stderr[-500:]
