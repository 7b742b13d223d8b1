"""The sizes an engine takes: least, usual and most of batch, height and width."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from framegauge.export.contract.formats import Dim
from framegauge.export.contract.manifest import Manifest

Shape = tuple[int, ...]


class Shapes(NamedTuple):
    """Least, usual and most shape of one input, as TensorRT's profiles want them."""

    least: Shape
    usual: Shape
    most: Shape


class Size(NamedTuple):
    """A batch of frames."""

    batch: int
    height: int
    width: int

    def __str__(self) -> str:
        """As ``--profile`` takes it: ``WxH``, or ``WxHxN``."""
        return f"{self.width}x{self.height}" + (f"x{self.batch}" if self.batch > 1 else "")


_SIZE = re.compile(r"(?P<width>[0-9]{1,5})x(?P<height>[0-9]{1,5})(?:x(?P<batch>[0-9]{1,4}))?")

# Frames of the usual size lie on their side; the most holds them upright too. The self-test
# comes in batches of two.
_BATCH = 4
_PRESETS = {
    name: (Size(1, short, long), Size(_BATCH, long, long))
    for name, short, long in (
        ("360p", 360, 640),
        ("540p", 540, 960),
        ("720p", 720, 1280),
        ("1080p", 1080, 1920),
        ("1440p", 1440, 2560),
        ("2160p", 2160, 3840),
        ("4k", 2160, 4096),
    )
}
PRESETS = tuple(_PRESETS)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The sizes that one optimisation profile of an engine takes, in frames and pixels.

    Attributes:
        least: Smallest batch, height and width.
        usual: What it is tuned for.
        most: Largest batch, height and width.
    """

    least: Size
    usual: Size
    most: Size

    def __post_init__(self) -> None:
        """Refuse sizes that are out of order."""
        for axis, low, middle, high in zip(
            Size._fields, self.least, self.usual, self.most, strict=True
        ):
            if not 1 <= low <= middle <= high:
                raise ValueError(
                    f"A profile's {axis} goes from least over usual to most, from 1 up; got "
                    f"{low}, {middle}, {high}."
                )

    @classmethod
    def parse(cls, text: str) -> Self:
        """The profile that ``--profile`` names.

        Args:
            text: A preset, ``1080p``; or least, usual and most, each ``WxH`` or ``WxHxN`` with the
                batch: ``64x64/1920x1080/3840x3840x4``. One size alone is all three.

        Raises:
            ValueError: It is neither.

        Example:
            >>> Profile.parse("64x64/1280x720/1920x1920x2").most
            Size(batch=2, height=1920, width=1920)
        """
        word = text.strip().lower()
        if word in _PRESETS:
            return cls(least=Size(1, 1, 1), usual=_PRESETS[word][0], most=_PRESETS[word][1])
        sizes = [_SIZE.fullmatch(part) for part in word.split("/")]
        if len(sizes) not in (1, 3) or not all(sizes):
            raise ValueError(
                f"--profile takes {', '.join(PRESETS)}, or least/usual/most such as "
                f"64x64/1920x1080/3840x3840x4 (WxH, WxHxN with a batch); got {text!r}."
            )
        read = [
            Size(int(match["batch"] or 1), int(match["height"]), int(match["width"]))
            for match in sizes
            if match is not None
        ]
        return cls(least=read[0], usual=read[len(read) // 2], most=read[-1])

    def __str__(self) -> str:
        """As :meth:`parse` takes it, by its preset's name where it is one."""
        for name in _PRESETS:
            if type(self).parse(name) == self:
                return name
        return f"{self.least}/{self.usual}/{self.most}"

    def fitted(self, manifest: Manifest) -> Self:
        """The profile with its least size raised to the smallest frame that a model takes.

        Raises:
            ValueError: Its usual size is smaller than that.
        """
        side = manifest.least
        if min(self.usual.height, self.usual.width) < side:
            scores = {each.name: each.least for each in manifest.scores}
            largest = max(scores, key=lambda name: scores[name])
            raise ValueError(
                f"{largest} needs frames of at least {side}x{side} pixels, and the profile {self} "
                f"is for {self.usual}. Name a larger --profile, or leave {largest} out of the "
                "model."
            )
        least = Size(self.least.batch, max(self.least.height, side), max(self.least.width, side))
        return type(self)(least=least, usual=self.usual, most=self.most)

    def shapes(self, manifest: Manifest) -> dict[str, Shapes]:
        """The three shapes of each input of a model, by its name in the graph."""
        return {
            each.name: Shapes(
                *(_shape(each.dims, size) for size in (self.least, self.usual, self.most))
            )
            for each in manifest.inputs
        }

    def holds(self, batch: int, height: int, width: int) -> bool:
        """Whether an engine of this profile takes such a batch."""
        size = (batch, height, width)
        return all(
            low <= side <= high for low, side, high in zip(self.least, size, self.most, strict=True)
        )

    def looseness(self, batch: int, height: int, width: int) -> tuple[float, float]:
        """How much larger than needed it is, to choose the tightest: less is better.

        First by the most it takes, which is the memory it wants, then by how far the usual size
        is from the one given.
        """
        most, usual = (size.batch * size.height * size.width for size in (self.most, self.usual))
        pixels = batch * height * width
        return most / pixels, max(usual / pixels, pixels / usual)


def _shape(dims: Sequence[Dim], size: Size) -> Shape:
    lengths = {
        "N": size.batch,
        "H": size.height,
        "W": size.width,
        "ceil(H/2)": (size.height + 1) // 2,
        "ceil(W/2)": (size.width + 1) // 2,
    }
    unknown = [dim for dim in dims if isinstance(dim, str) and dim not in lengths]
    if unknown:
        raise ValueError(
            f"The model has an axis {unknown[0]!r}; axes are numbers or {', '.join(lengths)}. "
            "Update framegauge, or export the model again with this release."
        )
    return tuple(dim if isinstance(dim, int) else lengths[dim] for dim in dims)
