"""Videos in files and streams, decoded by FFmpeg's libraries, whole or not at all.

Libraries are made to play what they can; here a shorter or repaired clip would be a wrong score. So
a clip that ends before its container says, leaves bytes over or needs concealment is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av

from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.colour_changes import ColourChanges
from framegauge.runtime.sources.colour_tags import NOTHING_SAID, ColourTags
from framegauge.runtime.sources.container import Container, Raw, Readable
from framegauge.runtime.sources.cropping import Cropper
from framegauge.runtime.sources.facts import Facts, facts
from framegauge.runtime.sources.ffv1 import Checksums
from framegauge.runtime.sources.film_grain import EXPORTED, FilmGrain, has_film_grain
from framegauge.runtime.sources.matroska_header import stream_header
from framegauge.runtime.sources.orientation import orientation
from framegauge.runtime.sources.siting_probe import probed_siting

Decoded = Generator[av.VideoFrame, None, None]

# Measured on clips with flipped, random and zeroed bytes: without "explode" H.264 and MPEG-2
# conceal what they cannot read, and without "crccheck" HEVC ignores the checksums of its frames.
# Without "unaligned" decoders leave columns at the left that they should cut off.
_STRICT = {"err_detect": "crccheck+explode", "flags": "+output_corrupt+unaligned"}

# These decoders then refuse intact files too, for optional fields they do not read.
_EXPLODES_ON_INTACT = {"tiff"}

# Bare samples: every byte belongs to a frame. FFmpeg drops a last frame that is not whole.
_BARE = {"rawvideo", "yuv4mpegpipe"}

# Containers whose duration is written in the file, not guessed from what was found in it.
_TIMED = {"matroska", "webm", "flv", "mov"}


def open_video(
    name: str,
    source: Path | Readable,
    *,
    raw: Raw | None = None,
    still: bool = False,
    given: ColourTags = NOTHING_SAID,
    film_grain: FilmGrain = "on",
) -> tuple[Facts, Decoded]:
    """The facts of a video and its frames in presentation order, the first already decoded.

    Args:
        name: What messages call it.
        source: A file, or a stream to read once.
        raw: How to understand bare samples.
        still: It is an image.
        given: What to take in place of what is said of colours.
        film_grain: Whether grain that the stream carries is drawn.

    Raises:
        ScoreError: There is no such file, or no video in it, or it is damaged or cut off; also
            while frames are taken.
    """
    reading = _Reading(
        Container(name, source, raw=raw),
        still=still,
        given=given.said(),
        film_grain=film_grain,
    )
    frames = reading.frames()
    first = next(frames)
    try:
        rate = raw.frame_rate if raw else reading.frame_rate
        known = facts(
            name,
            size=(first.width, first.height),
            pixel_format=first.format.name,
            codec=reading.codec,
            tags=ColourTags.of(first),
            container=reading.container_tags,
            still=still,
            given=given,
        )
        known = replace(
            known,
            siting=reading.header.siting or probed_siting(first),
            frame_rate=None if still else rate,
            frames=1 if still else reading.declared_frames,
            interlaced=first.interlaced_frame,
            orientation=orientation(first),
            cropping=reading.header.cropping,
            film_grain=reading.film_grain,
        )
    except BaseException:
        frames.close()
        raise
    return known, _beginning_with(first, frames)


def _beginning_with(first: av.VideoFrame, rest: Decoded) -> Decoded:
    try:
        yield first
        del first
        yield from rest
    finally:
        rest.close()


class _Reading:
    """One pass over one video, and the count of what has been seen of it.

    Attributes:
        container_tags: What the container says of colours.
        header: What else it and the stream say.
        film_grain: What became of grain that the first frame has, ``None`` if it has none.
    """

    def __init__(
        self, container: Container, *, still: bool, given: Collection[str], film_grain: FilmGrain
    ) -> None:
        self._container = container
        self._name = container.name
        self._video = container.video
        lenient = self.codec in _EXPLODES_ON_INTACT
        self._video.codec_context.options = _STRICT | (
            {"err_detect": "crccheck"} if lenient else {}
        )
        if film_grain == "off":
            self._video.codec_context.options |= EXPORTED
        self._given = given
        self.container_tags = ColourTags.of(self._video.codec_context)
        self.header = stream_header(self._video)
        self.film_grain: str | None = None
        self._grained = "applied" if film_grain == "on" else "left out"
        self._video.thread_type = "AUTO"
        self._video.codec_context.thread_count = 1 if still else min(usable_cpus(), 16)
        self._packets = 0
        self._frames = 0
        self._used = 0
        self._end = Fraction(0)
        self._has_durations = True

    @property
    def codec(self) -> str:
        """FFmpeg's name of the decoder."""
        return self._video.codec_context.name

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames a second, as the container says or as was estimated from its beginning."""
        rate = self._video.average_rate or self._video.guessed_rate
        return Fraction(rate) if rate else None

    @property
    def declared_frames(self) -> int | None:
        """The count that the container declares, less what its edit list hides."""
        if self._counted:
            return sum(not entry.is_discard for entry in self._video.index_entries)
        if self._container.formats & _BARE:
            return self._video.duration or None  # in frames, which FFmpeg counts from the size
        return self._video.frames or None

    @property
    def _counted(self) -> bool:
        """The container has a table of every frame (not so in pieces, where it grows)."""
        return "mov" in self._container.formats and self._video.frames > 0

    def frames(self) -> Decoded:
        """Every frame; raises at the end if that is not the end of the video."""
        checksums = Checksums() if self.codec == "ffv1" else None
        shape = None
        cropped = Cropper(self._name, self.header.cropping)
        changes = ColourChanges(self._name, self.container_tags, given=self._given)
        try:
            for packet in self._container.opened.demux():
                self._note(packet)
                if packet.stream.index != self._video.index:
                    continue
                if packet.is_corrupt:
                    raise self._damaged("its bytes are incomplete")
                if self._packets == 1 and has_film_grain(self._video.codec_context, packet):
                    self.film_grain = self._grained
                if checksums and packet.size and checksums.damaged(bytes(packet)):
                    raise self._damaged("a checksum does not fit")
                for frame in self._video.decode(packet):
                    if frame.is_corrupt:
                        raise self._damaged("parts of it could not be decoded")
                    seen = frame.width, frame.height, frame.format.name
                    shape = shape or seen
                    if seen != shape:
                        raise self._changed(shape, seen)
                    changes.check(frame, self._frames)
                    self._frames += 1
                    yield cropped(frame)
            self._check_end()
        except av.FFmpegError as error:
            raise self._damaged(error.strerror or str(error)) from error
        finally:
            self._container.close()

    def _note(self, packet: av.Packet) -> None:  # type: ignore[type-arg]
        if not packet.size:
            return
        if packet.pts is not None and packet.time_base is not None:
            self._end = max(self._end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.stream.index == self._video.index:
            self._packets += 1
            self._has_durations = self._has_durations and bool(packet.duration)
            if packet.pos is not None:
                self._used = packet.pos + packet.size

    def _check_end(self) -> None:
        self._container.check_stream_end()
        over = self._container.size - self._used
        if self._container.formats & _BARE and over:
            raise ScoreError(
                f"{self._name} is truncated: after {self._frames} whole frames there are {over} "
                "bytes that do not make another. Get an intact copy, or correct the size and "
                "pixel format if it is raw."
            )
        if self._counted and self._packets < len(self._video.index_entries):
            raise self._short(f"{len(self._video.index_entries)} frames", f"{self._packets}")
        self._check_duration()
        if self._frames == 0:
            raise ScoreError(
                f"{self._name} has no frames: its video stream is empty. Check what wrote it."
            )

    def _check_duration(self) -> None:
        """Refuse an end before the declared one, where nothing more exact could be checked."""
        declared = self._container.opened.duration
        if not self._container.formats & _TIMED or self._counted or declared is None:
            return
        # Where packets have no duration the last one's is missing from the end found.
        interval = 1 / (self.frame_rate or Fraction(25))
        slack = interval * (Fraction(1, 2) if self._has_durations else Fraction(3, 2))
        wanted = Fraction(declared, av.time_base)
        if self._end + slack + Fraction(2, 1000) < wanted:
            raise self._short(f"{float(wanted):.3f} s", f"{float(self._end):.3f} s")

    def _short(self, wanted: str, found: str) -> ScoreError:
        return ScoreError(
            f"{self._name} is truncated: it declares {wanted}, {found} could be read. Only whole "
            "videos are scored; get an intact copy."
        )

    def _damaged(self, detail: str) -> ScoreError:
        if self._frames == 0 and self._container.is_stream and "mov" in self._container.formats:
            return ScoreError(
                f"{self._name} is an MP4 that cannot be read from front to back: {detail}. Give "
                "the file by its path, or write it with FFmpeg's -movflags +faststart."
            )
        return ScoreError(
            f"{self._name} is damaged or cut off at or soon after frame {self._frames}: {detail}. "
            "Concealed frames are not scored; get an intact copy."
        )

    def _changed(self, first: tuple[int, int, str], now: tuple[int, int, str]) -> ScoreError:
        was, is_now = (f"{width}x{height} {name}" for width, height, name in (first, now))
        return ScoreError(
            f"{self._name} changes in the middle: it begins as {was}, frame {self._frames} is "
            f"{is_now}. Split it where it changes and score the parts."
        )
