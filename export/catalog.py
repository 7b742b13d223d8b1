"""Everything that can be exported, and how to find it by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

from torch import nn

from framegauge.export.contract.entry import Entry, Listing, find_listing, parse_entries
from framegauge.export.losses.adversarial import (
    DualFrameDiscriminator,
    DualFrameGenerator,
    GANDiscriminator,
    GANGenerator,
    WGANDiscriminator,
    WGANGenerator,
)
from framegauge.export.losses.arflow_photometric import ARFlowPhotometric
from framegauge.export.losses.bmbc_photometric import BMBCPhotometric
from framegauge.export.losses.bmbc_smoothness import BMBCSmoothness
from framegauge.export.losses.census import Census
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.losses.dain_smoothness import DAINSmoothness
from framegauge.export.losses.dain_symmetry import DAINSymmetry
from framegauge.export.losses.ddflow_photometric import DDFlowPhotometric
from framegauge.export.losses.edge_aware_smoothness import EdgeAwareSmoothness
from framegauge.export.losses.flow_smoothness import FlowSmoothness
from framegauge.export.losses.gradient_penalty import GradientPenalty
from framegauge.export.losses.huber import Huber
from framegauge.export.losses.kernel_smoothness import KernelSmoothness, OcclusionSmoothness
from framegauge.export.losses.l1 import L1
from framegauge.export.losses.laplacian import Laplacian
from framegauge.export.losses.mse import MSE
from framegauge.export.losses.sobel import Sobel
from framegauge.export.losses.style import Style
from framegauge.export.losses.superslomo_warping import SuperSloMoWarping
from framegauge.export.losses.unflow_photometric import UnFlowPhotometric
from framegauge.export.losses.vgg import VGG
from framegauge.export.losses.vgg_conv4_3 import VGGConv43
from framegauge.export.losses.warping import Warping
from framegauge.export.metric import Metric
from framegauge.export.metrics.aae import AAE
from framegauge.export.metrics.dists import DISTS
from framegauge.export.metrics.epe import AEE, EPE
from framegauge.export.metrics.float_ms_ssim import FloatMSSSIM
from framegauge.export.metrics.float_ssim import FloatSSIM
from framegauge.export.metrics.flolpips import FloLPIPS
from framegauge.export.metrics.flow_outliers import EPE1px, EPE3px, EPE5px, FlAll
from framegauge.export.metrics.gmsd import GMSD
from framegauge.export.metrics.interpolation_error import InterpolationError
from framegauge.export.metrics.lpips import LPIPSVGG, LPIPSAlex
from framegauge.export.metrics.ms_ssim import MSSSIM
from framegauge.export.metrics.occlusion import Occlusion
from framegauge.export.metrics.psnr import PSNR
from framegauge.export.metrics.psnr_luma import PSNRLuma
from framegauge.export.metrics.psnr_planes import PSNRY, PSNRCb, PSNRCr
from framegauge.export.metrics.ssim import SSIM
from framegauge.export.metrics.ssim_3d import SSIM3D
from framegauge.export.metrics.ssim_luma import SSIMLuma
from framegauge.export.metrics.tlp import TLP
from framegauge.export.metrics.tof import TOF
from framegauge.export.metrics.warping_error import WarpingError
from framegauge.export.networks.backbones import Weights
from framegauge.export.networks.discriminator import Discriminator, TemporalDiscriminator
from framegauge.export.systems.adacof import AdaCoF
from framegauge.export.systems.bmbc import BMBC
from framegauge.export.systems.dain import DAIN
from framegauge.export.systems.flavr import FLAVR
from framegauge.export.systems.rife import RIFE
from framegauge.export.systems.superslomo import SuperSloMo
from framegauge.export.systems.time_lens import TimeLens

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
    DISTS,
    FloLPIPS,
    VGG,
    VGGConv43,
    Style,
    GANDiscriminator,
    GANGenerator,
    WGANDiscriminator,
    WGANGenerator,
    DualFrameDiscriminator,
    DualFrameGenerator,
    EPE,
    AEE,
    FlAll,
    EPE1px,
    EPE3px,
    EPE5px,
    AAE,
    Occlusion,
    TOF,
    TLP,
    WarpingError,
    FlowSmoothness,
    EdgeAwareSmoothness,
    DAINSmoothness,
    DAINSymmetry,
    Warping,
    SuperSloMoWarping,
    BMBCPhotometric,
    BMBCSmoothness,
    UnFlowPhotometric,
    DDFlowPhotometric,
    ARFlowPhotometric,
    RIFE,
    SuperSloMo,
    BMBC,
    DAIN,
    AdaCoF,
    FLAVR,
    TimeLens,
)


@dataclass(frozen=True, kw_only=True)
class TrainingOnly:
    """A module to train with that no model can hold.

    Attributes:
        name: What it is called.
        module: The module.
        why: What keeps it out of a model.
    """

    name: str
    module: type[nn.Module]
    why: str


TRAINING_ONLY = (
    TrainingOnly(
        name="gradient_penalty",
        module=GradientPenalty,
        why="it is made of a gradient, and ONNX has no form for one",
    ),
    TrainingOnly(
        name="kernel_smoothness",
        module=KernelSmoothness,
        why="a kernel's weights and offsets are no input of a model",
    ),
    TrainingOnly(
        name="occlusion_smoothness",
        module=OcclusionSmoothness,
        why="a network's occlusion map is no input of a model",
    ),
    TrainingOnly(
        name="discriminator",
        module=Discriminator,
        why="its weights are what is trained, and a model is given its logits",
    ),
    TrainingOnly(
        name="temporal_discriminator",
        module=TemporalDiscriminator,
        why="its weights are what is trained, and a model is given its logits",
    ),
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
        WeightsError: The weights are not available.

    Example:
        >>> find("census[patch=5]").patch
        5
    """
    (entry,) = parse_entries(text)
    return make(entry, weights=weights)


def make(entry: Entry, *, weights: Weights | None = None) -> Metric:
    """The module of a parsed entry; see :func:`find`."""
    for each in TRAINING_ONLY:
        if entry.name == each.name:
            raise ValueError(
                f"{each.name} is for training only: {each.why}. Import "
                f"{each.module.__module__}.{each.module.__name__} in training code."
            )
    listing = find_listing(entry, listings())
    modules: dict[str, Callable[..., Metric]] = {module.SPEC.name: module for module in ENTRIES}
    options = listing.read(entry)
    if "weights" in signature(modules[listing.spec.name]).parameters:
        return modules[listing.spec.name](**options, weights=weights)
    return modules[listing.spec.name](**options)
