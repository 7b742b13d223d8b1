"""Everything that can be exported, and how to find it by name."""

from __future__ import annotations

from collections.abc import Callable

from framegauge.export.losses.census import Census
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.losses.huber import Huber
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.laplacian import Laplacian
from framegauge.export.losses.mse import MSE
from framegauge.export.losses.sobel import Sobel
from framegauge.export.metric import Metric
from framegauge.export.metrics.float_ms_ssim import FloatMSSSIM
from framegauge.export.metrics.float_ssim import FloatSSIM
from framegauge.export.metrics.gmsd import GMSD
from framegauge.export.metrics.interpolation_error import InterpolationError
from framegauge.export.metrics.ms_ssim import MSSSIM
from framegauge.export.metrics.psnr import PSNR
from framegauge.export.metrics.psnr_luma import PSNRLuma
from framegauge.export.metrics.psnr_planes import PSNRY, PSNRCb, PSNRCr
from framegauge.export.metrics.ssim import SSIM
from framegauge.export.metrics.ssim_3d import SSIM3D
from framegauge.export.metrics.ssim_luma import SSIMLuma
from framegauge.export.spec import Entry, Listing, find_listing, parse_entries

ENTRIES: tuple[type[Metric], ...] = (
    PSNRY,
    PSNRCb,
    PSNRCr,
    FloatSSIM,
    FloatMSSSIM,
    PSNR,
    PSNRLuma,
    SSIM,
    SSIMLuma,
    SSIM3D,
    MSSSIM,
    GMSD,
    InterpolationError,
    MSE,
    L1,
    Charbonnier,
    Huber,
    Census,
    Sobel,
    Laplacian,
)


def listings() -> list[Listing]:
    """What there is, in the catalogue's order."""
    return [Listing(spec=entry.SPEC, options=entry.options()) for entry in ENTRIES]


def find(text: str) -> Metric:
    """The metric that an entry asks for, as a module.

    Args:
        text: ``name``, ``name[option=value;...]`` or ``label=name[...]``.

    Raises:
        ValueError: There is no such metric or option, or the option cannot have that value.

    Example:
        >>> find("census[patch=5]").patch
        5
    """
    (entry,) = parse_entries(text)
    return make(entry)


def make(entry: Entry) -> Metric:
    """The module of a parsed entry; see :func:`find`."""
    listing = find_listing(entry, listings())
    modules: dict[str, Callable[..., Metric]] = {module.SPEC.name: module for module in ENTRIES}
    return modules[listing.spec.name](**listing.read(entry))
