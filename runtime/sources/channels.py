"""Where the channels of an array lie that no model takes as it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence


def channel_hint(shape: Sequence[int], *, floats: bool) -> str:
    """What makes a frame of an array whose axis of channels is not as formats have it.

    Args:
        shape: Of a frame or a batch of frames.
        floats: Its samples are floats, whose three channels come first; those of bytes come last.

    Returns:
        A sentence, ``""`` if the axes give no hint.

    Example:
        >>> channel_hint((480, 640, 4), floats=False)
        'Alpha is not scored: give frame[..., :3], in the order R, G, B.'
    """
    if len(shape) < 3:
        return ""
    first, last = shape[-3], shape[-1]
    if floats:
        if last in (3, 4):
            return "Channels of floats come first: give np.moveaxis(frame[..., :3], -1, -3)."
        return "Alpha is not scored: give frame[..., :3, :, :]." if first == 4 else ""
    if last == 4:
        return "Alpha is not scored: give frame[..., :3], in the order R, G, B."
    if last in (1, 2):
        return "Grey frames have no axis of channels: give frame[..., 0]."
    if first in (3, 4):
        return "Channels of bytes come last: give np.moveaxis(frame, -3, -1)[..., :3]."
    return ""
