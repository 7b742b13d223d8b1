"""Videos in files and streams, decoded by FFmpeg's libraries, whole or not at all.

Libraries are made to play what they can; here a shorter or repaired clip would be a wrong score. So
a clip that ends before its container says, leaves bytes over or needs concealment is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import av

from framegauge.runtime.cpu_count import usable_cpus
from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.colour_changes import ColourChanges
from framegauge.runtime.sources.colour_tags import NOTHING_SAID, ColourTags
from framegauge.runtime.sources.container import Container, Raw, Readable
from framegauge.runtime.sources.cropping import Cropper
from framegauge.runtime.sources.dropped_frames import DroppedFrames
from framegauge.runtime.sources.exr import exr_damage
from framegauge.runtime.sources.facts import Facts, facts
from framegauge.runtime.sources.ffv1 import Checksums
from framegauge.runtime.sources.film_grain import EXPORTED, FilmGrain, has_film_grain
from framegauge.runtime.sources.jpeg import Endings
from framegauge.runtime.sources.last_picture import LastPicture
from framegauge.runtime.sources.matroska_header import stream_header
from framegauge.runtime.sources.orientation import orientation
from framegauge.runtime.sources.pixel_formats import check_pixel_format
from framegauge.runtime.sources.presentation_times import PresentationTimes
from framegauge.runtime.sources.siting_probe import probed_siting
from framegauge.runtime.sources.slices import Slices

Decoded = Generator[av.VideoFrame, None, None]

# Measured on clips with flipped, random and zeroed bytes: without "explode" H.264 and MPEG-2
# conceal what they cannot read, and without "crccheck" HEVC ignores the checksums of its frames.
# Without "unaligned" decoders leave columns at the left that they should cut off.
_STRICT = {"err_detect": "crccheck+explode", "flags": "+output_corrupt+unaligned"}

# These decoders then refuse intact files too, for optional fields they do not read.
_EXPLODES_ON_INTACT = {"tiff"}

# Containers that do not say how long a JPEG image is.
_STILL_JPEG = {"image2", "jpeg_pipe", "mjpeg"}

# Streams of pictures and their times, with no count.
_UNCOUNTED = {"mpegts", "mpeg"}

# Bare samples, or frames of one length: every byte belongs to a frame. FFmpeg drops a last frame
# that is not whole, or fills it up.
_BARE = {"rawvideo", "yuv4mpegpipe", "dv"}

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
        check_pixel_format(name, first.format.name)
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
        self._place = 0
        self._duration = Fraction(0)
        self._end = Fraction(0)
        self._has_durations = True
        self._last = LastPicture(self._video, container.formats)
        self._times = PresentationTimes()

    @property
    def codec(self) -> str:
        """FFmpeg's name of the decoder."""
        return self._video.codec_context.name

    @property
    def frame_rate(self) -> Fraction | None:
        """Frames a second, as the container says or as was estimated from its beginning."""
        average, guessed = self._video.average_rate, self._video.guessed_rate
        if average and (average != 1 / (self._video.time_base or 1) or not guessed):
            return Fraction(average)
        # Two frames are too few for an average, and a guess then takes fields for frames. DV of 30
        # frames a second has the ticks of its clock in place of its average.
        if self._duration and not average:
            return 1 / self._duration
        return Fraction(guessed) if guessed else None

    @property
    def declared_frames(self) -> int | None:
        """The count that the container declares, less what its edit list hides."""
        if self._counted:
            return sum(not entry.is_discard for entry in self._video.index_entries)
        if self._container.formats & _BARE - {"dv"}:
            return self._video.duration or None  # in frames, which FFmpeg counts from the size
        return self._video.frames or None

    @property
    def _counted(self) -> bool:
        """The container has a table of every frame (not so in pieces, where it grows)."""
        return "mov" in self._container.formats and self._video.frames > 0

    def frames(self) -> Decoded:
        """Every frame; raises at the end if that is not the end of the video."""
        checksums = Checksums() if self.codec == "ffv1" else None
        slices = Slices(self.codec, self._video.codec_context.extradata)
        endings = Endings(required=bool(self._container.formats & _STILL_JPEG))
        shape = None
        cropped = Cropper(self._name, self.header.cropping)
        changes = ColourChanges(self._name, self.container_tags, given=self._given)
        dropped = DroppedFrames()
        shown = None
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
                damage = slices.damage(packet)
                if packet.size and self.codec == "mjpeg" and endings.is_cut(bytes(packet)):
                    damage = "its image has no end"
                if packet.size and self.codec == "exr":
                    damage = exr_damage(bytes(packet))
                if damage:
                    raise self._damaged(damage)
                if packet.size and self._has_places:
                    dropped.note(packet.dts)
                for frame in self._video.decode(packet):
                    yield from self._again(shown, dropped.before_next())
                    if frame.is_corrupt:
                        raise self._damaged("parts of it could not be decoded")
                    seen = frame.width, frame.height, frame.format.name
                    shape = shape or seen
                    if seen != shape:
                        raise self._changed(shape, seen)
                    changes.check(frame, self._frames)
                    self._frames += 1
                    shown = cropped(frame)
                    yield shown
            self._check_end()
            yield from self._again(shown, dropped.at_end(self._video.frames))
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
            if packet.duration and packet.time_base and not self._duration:
                self._duration = packet.duration * packet.time_base
            self._last.note(packet)
            self._times.note(packet.pts)
            if packet.pos is not None:
                self._place = packet.pos
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
        self._check_last_picture()
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
        if "mov" in self._container.formats and self._video.start_time:
            # An index of pieces counts from zero, and FFmpeg adds where the video starts once more.
            wanted -= self._video.start_time * (self._video.time_base or 0)
        if self._end + slack + Fraction(2, 1000) < wanted:
            raise self._short(f"{float(wanted):.3f} s", f"{float(self._end):.3f} s")

    @property
    def _has_places(self) -> bool:
        """Each frame has a place of its own in the container, and they follow as they are shown.

        With B-frames they do not, and encoders leave places empty that stand for no frame.
        """
        context = self._video.codec_context
        return "avi" in self._container.formats and not context.has_b_frames

    def _again(self, shown: av.VideoFrame | None, times: int) -> Iterator[av.VideoFrame]:
        if shown is not None:
            self._frames += times
            yield from repeat(shown, times)

    def _check_last_picture(self) -> None:
        """Refuse a cut in the last pictures, where the container does not tell their lengths."""
        if "mpegts" in self._container.formats and self._container.ends_in_packet(self._place):
            raise self._damaged("it ends in the middle of a packet of the transport stream")
        if self._container.formats & _UNCOUNTED and self._times.lack_some_at_end():
            raise self._damaged("pictures before the last are missing")
        if self._last.is_cut():
            raise self._damaged("its last picture wants more bytes than there are")

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
