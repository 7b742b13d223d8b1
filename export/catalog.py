"""Everything that can be exported, and how to find it by name."""

from __future__ import annotations

from collections.abc import Callable

from framegauge.export.backbones import Weights
from framegauge.export.losses.census import Census
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.losses.huber import Huber
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.laplacian import Laplacian
from framegauge.export.losses.mse import MSE
from framegauge.export.losses.sobel import Sobel
from framegauge.export.losses.vgg import VGG
from framegauge.export.losses.vgg_conv4_3 import VGGConv43
from framegauge.export.metric import Metric
from framegauge.export.metrics.aae import AAE
from framegauge.export.metrics.epe import AEE, EPE
from framegauge.export.metrics.float_ms_ssim import FloatMSSSIM
from framegauge.export.metrics.float_ssim import FloatSSIM
from framegauge.export.metrics.flow_outliers import EPE1px, EPE3px, EPE5px, FlAll
from framegauge.export.metrics.gmsd import GMSD
from framegauge.export.metrics.interpolation_error import InterpolationError
from framegauge.export.metrics.lpips import LPIPSVGG, LPIPSAlex
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
    LPIPSAlex,
    LPIPSVGG,
    VGG,
    VGGConv43,
    EPE,
    AEE,
    FlAll,
    EPE1px,
    EPE3px,
    EPE5px,
    AAE,
)


def listings() -> list[Listing]:
    """What there is, in the catalogue's order."""
    return [Listing(spec=entry.SPEC, options=entry.options()) for entry in ENTRIES]


def find(text: str, *, weights: Weights | None = None) -> Metric:
    """The metric that an entry asks for, as a module.

    Args:
        text: ``name``, ``name[option=value;...]`` or ``label=name[...]``.
        weights: Where the weights are of those that need some.

    Raises:
        ValueError: There is no such metric or option, or the option cannot have that value.
        WeightsError: The weights are not to be had.

    Example:
        >>> find("census[patch=5]").patch
        5
    """
    (entry,) = parse_entries(text)
    return make(entry, weights=weights)


def make(entry: Entry, *, weights: Weights | None = None) -> Metric:
    """The module of a parsed entry; see :func:`find`."""
    listing = find_listing(entry, listings())
    modules: dict[str, Callable[..., Metric]] = {module.SPEC.name: module for module in ENTRIES}
    options = listing.read(entry)
    if listing.spec.weights:
        return modules[listing.spec.name](**options, weights=weights)
    return modules[listing.spec.name](**options)
