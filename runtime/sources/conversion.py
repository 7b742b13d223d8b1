"""Bringing two videos to one size and format: only where it was asked for, and on record."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, get_args

from framegauge.export.contract.colour_map import Range
from framegauge.export.contract.formats import FORMATS
from framegauge.runtime.errors import ScoreError, UsageError
from framegauge.runtime.sources.code_points import USUAL_PRIMARIES
from framegauge.runtime.sources.colour import Colour
from framegauge.runtime.sources.colour_mismatch import (
    OnColour,
    check_choice,
    check_differences,
    check_matrix,
    differences,
)
from framegauge.runtime.sources.facts import Facts
from framegauge.runtime.sources.planes import Planes
from framegauge.runtime.sources.source import Source
from framegauge.runtime.sources.swscale import REORDERED, Scaler

SCALERS = get_args(Scaler)

MOST_SIDE = 32768
"""Greatest height and width of frames that are made, or read bare: twice those of 16K."""

_SCALE = re.compile(
    r"(?:(?P<to>reference)|(?P<width>[0-9]{1,9})x(?P<height>[0-9]{1,9}))(?::(?P<scaler>\w+))?"
)


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """What one video's frames become before they are scored.

    Attributes:
        format: Pixel format.
        size: Width and height.
        scaler: How the size is changed, ``None`` if it is not.
        matrix: Of planes, ``None`` for RGB.
        range: Of planes, ``None`` for RGB.
        siting: Where subsampled chroma lies.
        converted: The samples change, by more than their order.
        ignored: In what its code values mean something else than the other video's, and are
            compared as they are.
    """

    format: str
    size: tuple[int, int]
    scaler: str | None
    matrix: str | None
    range: Range | None
    siting: str = "left"
    converted: bool
    ignored: tuple[str, ...] = ()

    def frames(self, source: Source) -> Generator[Planes, None, None]:
        """The video's frames in this form."""
        return source.frames(
            format=self.format,
            size=self.size,
            scaler=self.scaler or "bicubic",
            matrix=self.matrix,
            range=self.range,
            siting=self.siting,
        )

    @property
    def colour(self) -> Colour:
        """What the code values mean after any conversion; of no concern to RGB."""
        return Colour(self.matrix or "bt709", self.range or "full", self.siting)

    def to_json(self, facts: Facts) -> dict[str, Any]:
        """The video's facts and what was done to it, as the report has them."""
        converted = None
        if self.converted:
            converted = {"format": self.format, "matrix": self.matrix, "range": self.range}
        scaled = None
        if self.scaler is not None:
            width, height = self.size
            scaled = {"width": width, "height": height, "scaler": self.scaler}
        return {
            **facts.to_json(),
            "chroma_siting_taken": self.siting if facts.is_subsampled else None,
            "converted": converted,
            "scaled": scaled,
            "mismatch_ignored": list(self.ignored),
        }


@dataclass(frozen=True, kw_only=True)
class ConversionPolicy:
    """What may be done to videos that differ.

    Attributes:
        scale_to: ``reference``, width and height, or ``None`` where sizes must agree.
        scaler: How to scale.
        convert_to: ``reference``, a pixel format, or ``None`` where formats must agree.
        on_colour_mismatch: ``error``, or ``ignore`` to compare code values as they are.
    """

    scale_to: str | tuple[int, int] | None = None
    scaler: str = "bicubic"
    convert_to: str | None = None
    on_colour_mismatch: OnColour = "error"

    @classmethod
    def parse(
        cls, scale: str | None, convert: str | None, on_colour_mismatch: OnColour = "error"
    ) -> Self:
        """The permissions that ``--scale``, ``--convert`` and ``--on-colour-mismatch`` give.

        Raises:
            UsageError: One is not written rightly.
        """
        check_choice(on_colour_mismatch)
        if convert is not None and convert != "reference" and convert not in FORMATS:
            raise UsageError(
                f"--convert takes reference or one of {', '.join(FORMATS)}; got {convert!r}."
            )
        if scale is None:
            return cls(convert_to=convert, on_colour_mismatch=on_colour_mismatch)
        match = _SCALE.fullmatch(scale)
        if match is None or (match["scaler"] or "bicubic") not in SCALERS:
            raise UsageError(
                f"--scale takes reference or WxH, with :{', :'.join(SCALERS)} if wished; got "
                f"{scale!r}. Write for instance --scale reference:lanczos."
            )
        size = None if match["to"] else (int(match["width"]), int(match["height"]))
        if size is not None and not 1 <= min(size) <= max(size) <= MOST_SIDE:
            raise UsageError(
                f"--scale takes a size of at least 1x1, and at most {MOST_SIDE}x{MOST_SIDE}; got "
                f"{scale!r}."
            )
        return cls(
            scale_to=size or "reference",
            scaler=match["scaler"] or "bicubic",
            convert_to=convert,
            on_colour_mismatch=on_colour_mismatch,
        )

    def format(self, facts: Mapping[str, Facts]) -> str:
        """The format that both videos can be scored in, by themselves or by ``--convert``.

        Raises:
            ScoreError: There is none without a conversion that was not allowed.
        """
        if self.convert_to not in (None, "reference"):
            return str(self.convert_to)
        for role, each in facts.items():
            if each.format is None and not (self.convert_to and role == "distorted"):
                raise ScoreError(
                    f"{each.name} is {each.pixel_format}, which no model takes as it is. Allow a "
                    f"conversion with --convert FORMAT; formats: {', '.join(FORMATS)}."
                )
        formats = {role: str(each.format) for role, each in facts.items()}
        same = {REORDERED.get(name, name) for name in formats.values()}
        if len(same) > 1 and self.convert_to is None:
            raise ScoreError(
                f"The reference is {facts['reference'].pixel_format} and the distorted video "
                f"{facts['distorted'].pixel_format}. Allow a conversion with --convert reference "
                "or --convert FORMAT."
            )
        return REORDERED.get(formats["reference"], formats["reference"])

    def size(self, facts: Mapping[str, Facts]) -> tuple[int, int]:
        """Width and height that the reference is scored at."""
        return self._size(facts["reference"], facts["reference"])

    def renditions(
        self, facts: Mapping[str, Facts], format: str, *, reads_rgb: bool = True
    ) -> dict[str, Rendition]:
        """What each video becomes, to be scored in ``format``.

        Args:
            facts: What is known of the videos.
            format: What the models take.
            reads_rgb: Some metric makes RGB of it.

        Raises:
            ScoreError: That needs a conversion or scaling that was not allowed, or the videos mean
                different light or colours.
        """
        reference, distorted = facts["reference"], facts["distorted"]
        found = differences(facts, converted=self.convert_to is not None)
        check_differences(found, self.on_colour_mismatch, reads_rgb=reads_rgb)
        _check_orientation(reference, distorted)
        sizes = {role: self._size(each, reference) for role, each in facts.items()}
        if len(set(sizes.values())) > 1:
            raise ScoreError(
                "The reference is {}x{} and the distorted video {}x{}. Allow scaling with "
                "--scale reference or --scale WxH.".format(*reference.size, *distorted.size)
            )
        renditions = {}
        for role, each in facts.items():
            matrix, range = self._colour(each, facts, format)
            moved = each.format is None or REORDERED.get(each.format, each.format) != (
                REORDERED.get(format, format)
            )
            if moved and self.convert_to not in (format, "reference"):
                raise ScoreError(
                    f"{each.name} is {each.pixel_format}, and the model takes {format}. Allow a "
                    f"conversion with --convert {format}, or use a model made for its format."
                )
            recoloured = matrix is not None and (each.matrix, each.range) != (matrix, range)
            if moved or recoloured:
                check_matrix(each, "a conversion")
            elif reads_rgb:
                check_matrix(each, "a metric that reads RGB")
            renditions[role] = Rendition(
                format=format,
                size=sizes[role],
                scaler=self.scaler if sizes[role] != each.size else None,
                matrix=matrix,
                range=range,
                siting=each.siting or reference.siting or distorted.siting or "left",
                converted=moved or recoloured,
                ignored=tuple(found),
            )
        return renditions

    def _size(self, each: Facts, reference: Facts) -> tuple[int, int]:
        if self.scale_to is None:
            return each.size
        return reference.size if isinstance(self.scale_to, str) else self.scale_to

    def _colour(
        self, each: Facts, facts: Mapping[str, Facts], format: str
    ) -> tuple[str | None, Range | None]:
        """Matrix and range that one video's planes will have, ``None`` for RGB."""
        if FORMATS[format].kind == "rgb":
            return None, None
        planar = [other for other in facts.values() if other.matrix is not None]
        if not planar:
            height = facts["reference"].height
            return ("bt709" if height >= 720 else "bt601"), "limited"
        # Without a conversion each is as it is, and differs where that is ignored.
        lead = planar[0] if self.convert_to or each.matrix is None else each
        return lead.matrix, lead.range


def _check_orientation(reference: Facts, distorted: Facts) -> None:
    if reference.orientation == distorted.orientation:
        return
    first, other = (each.orientation or "as it is stored" for each in (reference, distorted))
    raise ScoreError(
        f"The reference is to be shown {first}, and the distorted video {other}. Frames are "
        "compared as they are stored: write both anew, turned as they are to be shown and without "
        "the mark, as FFmpeg does when it encodes."
    )


def share_assumptions(reference: Source, distorted: Source) -> None:
    """Let the video that says nothing of its colours take what the other one says.

    Where neither does, the distorted video is what the reference was assumed to be.
    """
    distorted.facts = completed(distorted.facts, reference.facts)
    reference.facts = completed(reference.facts, distorted.facts)


def completed(silent: Facts, other: Facts) -> Facts:
    """What is known of a clip, with what another says where this one says nothing.

    Light and primaries are taken where silence would stand for others. HDR of 8 bits is not made,
    so samples of 8 bits stay SDR unless somebody says otherwise.
    """
    taken: dict[str, Any] = {}
    if None not in (silent.matrix, other.matrix):
        assumed = {"matrix", "range"} & set(silent.assumed)
        taken |= {name: getattr(other, name) for name in assumed}
    more = []
    if silent.transfer is None and other.hdr and silent.depth > 8:
        taken["transfer"] = other.transfer
        more.append("transfer")
    if silent.primaries is None and other.primaries not in USUAL_PRIMARIES:
        taken["primaries"] = other.primaries
        more.append("primaries")
    if silent.siting is None and other.siting is not None and silent.is_subsampled:
        taken["siting"] = other.siting
        # Left is what silence stands for.
        more += [] if other.siting == "left" else ["chroma_siting"]
    return replace(silent, **taken, assumed=(*silent.assumed, *more))
