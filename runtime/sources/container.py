"""Files and streams as containers that FFmpeg reads, and what they declare of their own length."""

from __future__ import annotations

import io
import stat
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.codec.context import CodecContext
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from framegauge.runtime.errors import ScoreError
from framegauge.runtime.sources.chains import BrokenChainError
from framegauge.runtime.sources.declared_length import Extent, declared_end
from framegauge.runtime.sources.playlists import HEAD, check_is_no_list
from framegauge.runtime.sources.webp import check_is_no_animation

# Bytes of a transport stream's packet, bare, with a time before it, or with parity after it, and
# the first of them.
_TS_PACKETS = (188, 192, 204)
_SYNC = b"\x47"


class Readable(Protocol):
    """What a stream must be able to do."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end."""
        ...


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a file of bare samples does not say of itself."""

    size: tuple[int, int]
    pixel_format: str
    frame_rate: Fraction | None = None


class Tally:
    """A stream that keeps account of what was read of it.

    Attributes:
        extent: How much that was, and how much there should be.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.extent = Extent()

    def read(self, size: int) -> bytes:
        """The next bytes of the stream."""
        part = self._stream.read(size)
        self.extent.pass_by(part)
        return part


class Container:
    """An open container and its video stream."""

    def __init__(self, name: str, source: Path | Readable, *, raw: Raw | None) -> None:
        """Open it.

        Args:
            name: What messages call it.
            source: A file, or a stream to read once. A pipe with a path is a stream too.
            raw: How to understand bare samples, ``None`` where the container says so itself.

        Raises:
            ScoreError: It cannot be read, is no container, has no video, or is shorter than it
                says.
        """
        self.name = name
        self._pipe: io.BufferedReader | None = None
        self._tally: Tally | None = None
        self._size = 0
        self._path = Path()
        file = self._file(source)
        self.opened = self._open(file, raw)
        try:
            check_is_no_list(self.name, format_name=self.opened.format.name)
            self.video = self._video()
        except BaseException:
            self.close()
            raise

    @property
    def formats(self) -> set[str]:
        """FFmpeg's names of the container format."""
        return set(self.opened.format.name.split(","))

    @property
    def size(self) -> int:
        """Bytes of the file, or those read so far of a stream."""
        return self._tally.extent.total if self._tally else self._size

    @property
    def is_stream(self) -> bool:
        """It was read once, from front to back, and its length was not known before."""
        return self._tally is not None

    def check_stream_end(self) -> None:
        """Read a stream to its very end, and refuse one that ends before its headers say.

        Raises:
            ScoreError: Bytes are missing.
        """
        if self._tally:
            while self._tally.read(1 << 20):
                pass
            try:
                wanted = self._tally.extent.declared_end()
            except BrokenChainError as error:
                raise self._broken(error) from error
            self._check_size(self._tally.extent.total, wanted)

    def ends_in_packet(self, start: int) -> bool:
        """Whether a transport stream, read to its end, stops in the middle of a packet.

        Args:
            start: Where one of its packets begins.
        """
        over = [(self.size - start) % size for size in _TS_PACKETS]
        # What does not begin as a packet does is no part of the stream.
        return all(over) and self._ending()[-over[0] :].startswith(_SYNC)

    def close(self) -> None:
        """Close the container, and the pipe under it if it was opened here."""
        self.opened.close()
        if self._pipe:
            self._pipe.close()

    def _ending(self) -> bytes:
        """The last bytes, at least those of a packet."""
        if self._tally:
            return self._tally.extent.tail
        with self._path.open("rb") as file:
            file.seek(max(0, self.size - max(_TS_PACKETS)))
            return file.read()

    def _file(self, source: Path | Readable) -> Any:
        if not isinstance(source, Path):
            self._tally = Tally(source)
            return self._tally
        self._path = source
        try:
            if not stat.S_ISREG(source.stat().st_mode):
                self._pipe = source.open("rb")
                self._tally = Tally(self._pipe)
                return self._tally
            with source.open("rb") as file:
                self._size = file.seek(0, io.SEEK_END)
                wanted = declared_end(file)
                file.seek(0)
                head = file.read(HEAD)
        except BrokenChainError as error:
            raise self._broken(error) from error
        except OSError as error:
            raise ScoreError(
                f"{self.name} cannot be read: {error.strerror}. Check the path and its permissions."
            ) from error
        if self._size == 0:
            raise self._empty()
        check_is_no_list(self.name, head)
        check_is_no_animation(self.name, head)
        self._check_size(self._size, wanted)
        return f"file:{source}"

    def _open(self, file: Any, raw: Raw | None) -> InputContainer:
        # A name that holds %d is that of a file here, and would be a pattern of others to FFmpeg.
        # A stream may hold a playlist or a session description; FFmpeg would follow it anywhere.
        options = {"pattern_type": "none", "protocol_whitelist": "file,crypto,data"}
        if raw:
            options |= {
                "video_size": f"{raw.size[0]}x{raw.size[1]}",
                "pixel_format": raw.pixel_format,
            }
        try:
            opened: InputContainer = av.open(
                file, "r", format="rawvideo" if raw else None, options=options
            )
            return opened
        except (av.FFmpegError, ValueError) as error:
            if self._pipe:
                self._pipe.close()
            if self.size == 0:
                raise self._empty() from error
            detail = getattr(error, "strerror", None) or str(error)
            raise ScoreError(
                f"{self.name} is not a video that FFmpeg can read: {detail}. It may be damaged or "
                "cut off; bare samples need --size WxH --pixel-format F."
            ) from error

    def _video(self) -> VideoStream:
        videos = [
            stream
            for stream in self.opened.streams.video
            if not stream.disposition & Disposition.attached_pic
        ]
        if not videos:
            kinds = sorted({stream.type for stream in self.opened.streams})
            raise ScoreError(
                f"{self.name} has no video: a video stream was wanted, there is "
                f"{', '.join(kinds) or 'no stream at all'}. Give a file with pictures."
            )
        best = self.opened.streams.best("video")
        chosen = best if isinstance(best, VideoStream) and best in videos else videos[0]
        tiles = [each for each in videos if each.disposition & Disposition.dependent]
        if chosen in tiles or len(tiles) > 1:
            raise ScoreError(
                f"{self.name} is one picture kept in parts, {len(tiles)} tiles or layers, which "
                "FFmpeg's libraries give one by one: a whole picture was wanted. Put it together "
                "first: ffmpeg -i FILE picture.png (FFmpeg 8.1 or later), or heif-dec or avifdec."
            )
        if not isinstance(chosen.codec_context, CodecContext):
            raise ScoreError(
                f"{self.name} is coded in a way that this FFmpeg has no decoder for, or its "
                "beginning is damaged. Convert it to a format that it reads, such as FFV1 in "
                "Matroska or PNG."
            )
        return chosen

    def _empty(self) -> ScoreError:
        return ScoreError(
            f"{self.name} is empty: a video was wanted, no bytes came. Check what writes it."
        )

    def _broken(self, error: BrokenChainError) -> ScoreError:
        return ScoreError(
            f"{self.name} is damaged or cut off: {error}. Concealed frames are not scored; get an "
            "intact copy."
        )

    def _check_size(self, size: int, wanted: int) -> None:
        if size < wanted:
            raise ScoreError(
                f"{self.name} is truncated: its headers call for {wanted} bytes, there are {size}. "
                "Only whole videos are scored; get an intact copy."
            )
