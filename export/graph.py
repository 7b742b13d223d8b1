"""Entries as one graph from a model's inputs to its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from framegauge.export.contract.entry import Entry
from framegauge.export.contract.formats import Format, subsampling
from framegauge.export.contract.interface import Aggregate, Input, Missing, Output
from framegauge.export.contract.roles import FACTS, FRAME_ROLES, input_name, owner, tensor_dims
from framegauge.export.contract.spec import Grid, Spec
from framegauge.export.features import Features, Frame
from framegauge.export.frames import UNBOUND, BoundColour, cropped, make_frame
from framegauge.export.member import Member, members
from framegauge.export.metric import MapMetric
from framegauge.export.networks.backbones import Weights


class Graph(nn.Module):
    """A graph from a model's inputs to its outputs, in the order of both lists.

    Attributes:
        members: The entries.
        roles: Whose data the graph takes, frames first.
        inputs: What the graph takes: only the planes and colours that an entry reads.
        outputs: What it gives: each entry's score, or a system's total and terms, then its moments,
            then its map if asked for.
        weights: What the entries' networks were loaded from.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        form: Format,
        *,
        maps: Sequence[str] = (),
        quantise: int | None = None,
        crop_border: int = 0,
        without: Sequence[str] = (),
        colour: BoundColour = UNBOUND,
        dtype: torch.dtype = torch.float32,
        weights: Weights | None = None,
    ) -> None:
        """Make the graph.

        Args:
            entries: What to compute.
            form: Pixel format of the frames.
            maps: Labels of the entries whose maps are outputs too.
            quantise: Bits that samples are rounded to first; 8, or ``None`` for none.
            crop_border: Pixels cut from every side of both frames first.
            without: Inputs, by role, that it shall not take.
            colour: What of the frames' colours is a part of the graph, and no input.
            dtype: Floating-point type to compute in.
            weights: Where the weights are of the entries that need some.

        Raises:
            ValueError: The entries do not fit the format, each other or the options.
        """
        super().__init__()
        self.weights = weights or Weights()
        self.members = members(entries, self.weights, without)
        self.form, self.quantise, self.crop_border = form, quantise, crop_border
        self.colour = colour.checked(form)
        self.dtype = dtype
        if quantise not in (None, 8):
            raise ValueError(f"quantise takes 8 (bits) or nothing, got {quantise}.")
        if crop_border < 0:
            raise ValueError(f"crop_border takes at least 0 pixels, got {crop_border}.")
        for member in self.members:
            self._check(member)
        self.maps = self._maps(maps)
        asked = [role for member in self.members for role in member.roles]
        self.roles = sorted(dict.fromkeys(asked), key=_order)
        self.inputs = self._inputs()
        self.outputs = [output for member in self.members for output in self._outputs(member)]

    @property
    def labels(self) -> str:
        """The entries' labels, for messages."""
        return ", ".join(member.label for member in self.members)

    @property
    def aggregates(self) -> list[Aggregate]:
        """Scores of a whole clip that the moments make."""
        return [
            aggregate
            for member in self.members
            for aggregate in member.metric.aggregates(member.label, self.form.depth)
        ]

    @property
    def missing(self) -> list[Missing]:
        """The outputs that the entries have and the graph has not."""
        return [
            Missing(name=f"{member.label}.{name}", needs=needs)
            for member in self.members
            for name, needs in member.missing.items()
        ]

    @property
    def least(self) -> int:
        """Smallest height and width of a frame, in pixels."""
        return max(output.least for output in self.outputs)

    @property
    def branches(self) -> list[int]:
        """Smallest sides of a frame from which on an entry computes in another way."""
        found = {side for each in self.members for side in each.metric.spec.branches}
        return sorted(side + 2 * self.crop_border for side in found)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs for the inputs given."""
        given = dict(zip((each.name for each in self.inputs), tensors, strict=True))
        features = Features({role: self._given(role, given) for role in self.roles})
        results: list[Tensor] = []
        for member in self.members:
            results += member.scores(features)
            results += member.metric.moments(features)
            if member.label in self.maps and isinstance(member.metric, MapMetric):
                results.append(features.once(member.metric.map, features))
        return tuple(results)

    def _given(self, role: str, given: dict[str, Tensor]) -> Frame | Tensor:
        if role not in FRAME_ROLES:
            tensor = given[role].to(self.dtype)
            return (
                cropped(tensor, self.crop_border, self.crop_border) if tensor.ndim > 2 else tensor
            )
        return make_frame(
            self.form,
            role,
            given,
            dtype=self.dtype,
            quantise=self.quantise if owner(role) == "distorted" else None,
            crop_border=self.crop_border,
            colour=self.colour,
        )

    def _check(self, member: Member) -> None:
        has = {"rgb": (), "gray": ("y",), "yuv": ("y", "u", "v")}[self.form.kind]
        for plane in member.metric.spec.planes:
            if plane not in has:
                raise ValueError(
                    f"{member.label} reads the plane {plane}, and {self.form.name} has "
                    f"{', '.join(has) or 'none, only RGB'}. Planes are never made from RGB: export "
                    "for a planar format such as yuv420p, or leave the entry out."
                )
            steps = subsampling(self.form, plane)
            if any(self.crop_border % step for step in steps):
                raise ValueError(
                    f"crop_border={self.crop_border} cuts through a sample of the plane {plane} of "
                    f"{self.form.name}. Choose a multiple of {max(steps)}."
                )

    def _maps(self, labels: Sequence[str]) -> frozenset[str]:
        possible = [
            member.label
            for member in self.members
            if isinstance(member.metric, MapMetric) and member.metric.spec.grid is not None
        ]
        for label in labels:
            if label not in possible:
                listed = ", ".join(possible) or "none"
                raise ValueError(f"There is no map of {label!r} here. Entries with one: {listed}.")
        return frozenset(labels)

    def _inputs(self) -> list[Input]:
        frames = [role for role in self.roles if role in FRAME_ROLES]
        read = {
            member.metric.spec.reads
            for member in self.members
            if any(role in frames for role in member.roles)
        }
        parts: set[str] = {plane for member in self.members for plane in member.metric.spec.planes}
        if "rgb" in read or self.form.kind == "rgb":
            parts = {plane.part for plane in self.form.planes}
        elif "luma" in read:
            parts.add("y")
        if any(plane.part == "uv" for plane in self.form.planes) and parts & {"u", "v"}:
            parts.add("uv")
        inputs = [
            Input(
                name=input_name(role, plane.part),
                role=role,
                part=plane.part,
                dtype=self.form.dtype,
                dims=("N", *plane.dims),
            )
            for role in frames
            for plane in self.form.planes
            if plane.part in parts
        ]
        if "rgb" in read:
            inputs += [
                Input(
                    name=input_name(role, part),
                    role=role,
                    part=part,
                    dtype="float32",
                    dims=FACTS[part],
                )
                for part in self.colour.asked(self.form)
                for role in frames
            ]
        return inputs + [
            Input(name=role, role=role, part="", dtype="float32", dims=tensor_dims(role))
            for role in self.roles
            if role not in FRAME_ROLES
        ]

    def _outputs(self, member: Member) -> list[Output]:
        def output(
            name: str, spec: Spec, kind: Literal["score", "moment", "map"], grid: Grid | None = None
        ) -> Output:
            return Output(
                name=name,
                kind=kind,
                entry=member.entry,
                options=member.options,
                inputs=spec.inputs,
                masked="mask" in spec.inputs,
                transfer=spec.transfer,
                ends=spec.ends,
                better=spec.better,
                ideal=spec.ideal,
                low=spec.low,
                high=spec.high,
                unit=spec.unit,
                least=spec.least + 2 * self.crop_border,
                tolerance=spec.tolerance,
                relative=spec.relative,
                grid=grid,
            )

        specs = member.specs(self.form.depth)
        outputs = [output(label, spec, "score") for label, spec in specs.items()]
        spec = member.metric.spec_at(self.form.depth)
        outputs += [
            replace(
                output(f"{member.label}.{name}", spec, "moment"),
                better="lower",
                ideal=0.0,
                low=0.0,
                high=None,
                unit="1",
                tolerance=1e-7,
                relative=1e-3,
            )
            for name in member.metric.moment_names
        ]
        if (
            member.label in self.maps
            and isinstance(member.metric, MapMetric)
            and spec.grid is not None
        ):
            grid = replace(spec.grid, offset=spec.grid.offset + self.crop_border)
            picture = output(f"{member.label}.map", member.metric.map_spec(spec), "map", grid)
            # One sample of a map is not steadied by a mean, as the score is.
            outputs.append(replace(picture, tolerance=10 * spec.tolerance))
        return outputs


def _order(role: str) -> int:
    """Frames first, in the catalogue's order of roles; the rest as it was asked for."""
    return FRAME_ROLES.index(role) if role in FRAME_ROLES else len(FRAME_ROLES)
