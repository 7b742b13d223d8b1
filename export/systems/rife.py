"""RIFE's training losses, and CogVideo's, which are the same.

Reference:
    Huang, Zhang, Heng, Shi and Zhou, "Real-time intermediate flow estimation for video frame
    interpolation" (RIFE), ECCV 2022; earlier combinations by its repository's history.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from framegauge.export.contract.spec import Spec
from framegauge.export.features import Features
from framegauge.export.losses.census import Census
from framegauge.export.losses.charbonnier import Charbonnier
from framegauge.export.losses.l1 import L1, absolute_error
from framegauge.export.losses.laplacian import Laplacian
from framegauge.export.losses.sobel import sobel
from framegauge.export.maths.flow import squared_length
from framegauge.export.maths.reduction import Reduction, exceeds, pixel_mean, safe_root
from framegauge.export.metric import Metric
from framegauge.export.system import System, Term

STAGES = range(3)
TEACHER_FLOWS = ("flow_to_previous_teacher", "flow_to_next_teacher")
KNOWN_FLOWS = ("flow_to_previous_reference", "flow_to_next_reference")


def stage_flows(stage: int) -> tuple[str, str]:
    """Roles of a stage's flows."""
    return f"flow_to_previous_{stage}", f"flow_to_next_{stage}"


SPEC = Spec(
    name="rife",
    title="RIFE's loss: Laplacian, teacher, distillation",
    kind="system",
    better="lower",
    ideal=0.0,
    low=0.0,
    high=None,
    least=64,
    tolerance=2.1e-7,
    relative=1e-3,
    inputs=(
        "reference",
        "distorted",
        "merged_teacher",
        *TEACHER_FLOWS,
        *(f"merged_{stage}" for stage in STAGES),
        *(role for stage in STAGES for role in stage_flows(stage)),
    ),
    source="RIFE (Huang et al., ECCV 2022)",
    symmetric=False,
    aliases=("cogvideo",),
)


class RIFE(System):
    """The student's Laplacian loss, the teacher's, and the distillation of the teacher's flows.

    ``distorted`` is the frame made, refined and clipped; ``merged_teacher`` the teacher's.
    ``merged_0`` to ``merged_2`` are the stages' blends of the warped inputs, before the refinement,
    and ``flow_to_previous_0`` to ``flow_to_next_2`` their flows at the frame's size;
    ``flow_to_previous_teacher`` and ``flow_to_next_teacher`` the teacher's. Frames are in [0, 1].

    ``form=v1`` is the loss of 2020 and 2021: Charbonnier, census, and the end-point error of all
    stages' flows against flows of another network, ``flow_to_previous_reference`` and
    ``flow_to_next_reference``. All are taken at the size given; its code halves the reference's to
    the size of its network's. Its HD models have one flow a stage, whose opposite is the other.

    ``form=hdv3`` is what CogVideo's copy of RIFE_HDv3 means to compute: a photometric loss and a
    tenth of the Sobel gradients of the last stage's flows. Its photometric loss is never defined,
    so that its code fails; here it is the L1 that the same code computes and leaves unused.
    """

    SPEC = SPEC

    def __init__(
        self,
        *,
        form: Literal["eccv", "v1", "hdv3"] = "eccv",
        distillation: float = 0.01,
        threshold: float = 0.01,
        reduction: Reduction = "mean",
    ) -> None:
        """Make the system.

        Args:
            form: Which of its losses.
            distillation: Weight of the distillation in ``eccv``; its code names 0.005 and 0.002 for
                the model of arbitrary times.
            threshold: How much nearer the teacher must be to a pixel for its flow to be learned,
                in ``eccv``.
            reduction: As for every metric.

        Raises:
            ValueError: The weight is below zero, or another form than ``eccv`` is given one.
        """
        if form != "eccv":
            self.refuse_idle(f"form={form}", distillation=distillation, threshold=threshold)
        match form:
            case "eccv":
                parts = {
                    "laplacian": Term(weight=1.0, loss=Laplacian()),
                    "teacher": Term(
                        weight=1.0,
                        loss=Laplacian(),
                        roles={"reference": "reference", "distorted": "merged_teacher"},
                    ),
                    "distillation": Term(weight=distillation, loss=_Distillation(threshold)),
                }
            case "v1":
                parts = {
                    "charbonnier": Term(weight=1.0, loss=Charbonnier()),
                    "census": Term(weight=1.0, loss=Census()),
                    "flow": Term(weight=0.01, loss=_FlowError()),
                }
            case "hdv3":
                parts = {
                    "l1": Term(weight=1.0, loss=L1()),
                    "smoothness": Term(weight=0.1, loss=_FlowGradient()),
                }
        super().__init__(parts, reduction=reduction)


def _spec(title: str, inputs: tuple[str, ...], *, ideal: float = 0.0) -> Spec:
    return Spec(
        name="rife",
        title=title,
        kind="loss",
        better="lower",
        ideal=ideal,
        low=0.0,
        high=None,
        unit="px",
        tolerance=1e-6,
        relative=1e-3,
        inputs=inputs,
        symmetric=False,
        source=SPEC.source,
    )


class _Distillation(Metric):
    """Distance of the stages' flows to the teacher's, where the teacher's frame is the better.

    The root over the four components of the flows has no epsilon in the authors' code, and a
    gradient of NaN where it is zero; here that gradient is zero, and the value is theirs.
    """

    SPEC: ClassVar[Spec] = _spec(
        "Distance of the flows to the teacher's",
        (
            "reference",
            "merged_teacher",
            *TEACHER_FLOWS,
            *(f"merged_{stage}" for stage in STAGES),
            *(role for stage in STAGES for role in stage_flows(stage)),
        ),
    )

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def score(self, features: Features) -> Tensor:
        reference = features.rgb("reference")
        teacher = [features.tensor(role).detach() for role in TEACHER_FLOWS]
        bound = absolute_error(features.tensor("merged_teacher"), reference) + self.threshold
        total = torch.zeros_like(reference[:, 0, 0, 0])
        for stage in STAGES:
            student = (features.tensor(role) for role in stage_flows(stage))
            squared = [squared_length(a - b) for a, b in zip(student, teacher, strict=True)]
            distance = safe_root(sum(squared[1:], squared[0]) / 4)
            error = absolute_error(features.tensor(f"merged_{stage}"), reference)
            total = total + pixel_mean(distance * exceeds(error, bound.detach()))
        return total


class _FlowError(Metric):
    """Sum over stages and directions of RIFE's end-point error against known flows."""

    SPEC: ClassVar[Spec] = _spec(
        "End-point error of the stages' flows",
        (*KNOWN_FLOWS, *(role for stage in STAGES for role in stage_flows(stage))),
        ideal=6e-3,
    )

    def score(self, features: Features) -> Tensor:
        known = [features.tensor(role).detach() for role in KNOWN_FLOWS]
        first, *rest = (
            pixel_mean((squared_length(features.tensor(role) - flow) + 1e-6).sqrt())
            for stage in STAGES
            for role, flow in zip(stage_flows(stage), known, strict=True)
        )
        return sum(rest, first)


class _FlowGradient(Metric):
    """Mean over the four components of the last flows of their Sobel gradients."""

    SPEC: ClassVar[Spec] = _spec("Sobel gradients of the last stage's flows", stage_flows(2))

    def score(self, features: Features) -> Tensor:
        flows = torch.cat([features.tensor(role) for role in self.SPEC.inputs], 1)
        return 2 * pixel_mean(sobel(flows).abs())
