"""WebP animations, which FFmpeg's decoder takes for damaged images.

Reference:
    WebP Container Specification, Google 2012, "Extended File Format".
"""

from __future__ import annotations

from framegauge.runtime.errors import ScoreError

_ANIMATED = 0x02  # the flag's bit in the first byte of the VP8X chunk


def check_is_no_animation(name: str, head: bytes) -> None:
    """Refuse an animation.

    Args:
        name: What messages call it.
        head: How it begins, 21 bytes or more.

    Raises:
        ScoreError: It is one.
    """
    if head.startswith(b"RIFF") and head[8:16] == b"WEBPVP8X" and head[20:21]:
        if not head[20] & _ANIMATED:
            return
        raise ScoreError(
            f"{name} is an animated WebP, which FFmpeg cannot decode: a video was wanted. Convert "
            "it without loss, for instance with ImageMagick: magick clip.webp -coalesce "
            "frames/%05d.png, and give the pattern frames/%05d.png."
        )
