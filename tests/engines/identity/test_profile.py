from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from framegauge.engines.identity.profile import PRESETS, Profile, Size
from framegauge.export.contract.formats import FORMATS
from framegauge.export.contract.interface import Input
from framegauge.export.contract.model_file import ModelFile
from framegauge.export.contract.roles import FRAME_ROLES, tensor_dims
from framegauge.export.contract.selftest import feed

VIDEOS = {
    "360p": (640, 360),
    "540p": (960, 540),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "1440p": (2560, 1440),
    "2160p": (3840, 2160),
    "4k": (4096, 2160),
}


def test_there_is_a_preset_for_each_size_of_video() -> None:
    assert set(PRESETS) == set(VIDEOS)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_tuned_for_video_on_its_side_and_hold_it_upright(name: Any) -> None:
    profile = Profile.parse(name)
    width, height = VIDEOS[name]

    assert profile.usual == Size(1, height, width)
    assert profile.holds(1, height, width)
    assert profile.holds(4, width, height)
    assert not profile.holds(1, width + 1, height)
    assert not profile.holds(5, height, width)
    assert str(profile) == name


def test_sizes_are_written_width_first_with_a_batch_at_the_end() -> None:
    profile = Profile.parse("32x16/640x480/1280x720x8")

    assert profile == Profile(
        least=Size(1, 16, 32), usual=Size(1, 480, 640), most=Size(8, 720, 1280)
    )
    assert Profile.parse(str(profile)) == profile


@pytest.mark.parametrize("text", ["540p", "11x11/960x540/960x960x4", "16x8/960x540/960x960x4"])
def test_a_profile_is_written_as_it_is_read(text: str) -> None:
    assert str(Profile.parse(text)) == text


def test_one_size_is_least_usual_and_most() -> None:
    profile = Profile.parse("64x48x2")

    assert profile.least == profile.usual == profile.most == Size(2, 48, 64)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1081p", "--profile takes 360p, 540p"),
        ("64x64/128x128", "least/usual/most"),
        ("64x64/1x128/256x256", "width goes from least over usual to most.* got 64, 1, 256"),
        ("٦4x64", "--profile takes 360p"),
        ("0x64", "width goes .* from 1 up; got 0"),
        ("64x64x9/64x64/64x64", "batch goes"),
    ],
)
def test_what_is_no_profile_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Profile.parse(text)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [(3, 17, 31), (2, 16, 20)])
def test_shapes_are_those_of_the_frames_of_every_format(
    name: Any, size: tuple[Any, ...], model: ModelFile
) -> None:
    form = FORMATS[name]
    inputs = [
        Input(
            name=f"{role}_{plane.part}".rstrip("_"),
            role=role,
            part=plane.part,
            dtype=form.dtype,
            dims=("N", *plane.dims),
        )
        for role in FRAME_ROLES
        for plane in form.planes
    ]
    colour = Input(
        name="reference_colour", role="reference", part="colour", dtype="float32", dims=("N", 3, 4)
    )
    manifest = replace(model.manifest, format=name, inputs=(*inputs, colour))
    frames = feed(form, manifest.inputs, size[1:], size[0], {"colour": np.zeros((1, 3, 4))})

    shapes = Profile(least=Size(*size), usual=Size(*size), most=Size(*size)).shapes(manifest)

    assert shapes["reference_colour"].usual == (size[0], 3, 4)
    assert {key: each.most for key, each in shapes.items()} == {
        key: array.shape for key, array in frames.items()
    }


def test_shapes_of_flows_masks_times_and_logits_follow_the_frames(model: ModelFile) -> None:
    roles = ("flow", "mask", "time", "logits_distorted", "merged_blended")
    inputs = tuple(
        Input(name=role, role=role, part="", dtype="float32", dims=tensor_dims(role))
        for role in roles
    )

    shapes = Profile.parse("31x17x3").shapes(replace(model.manifest, inputs=inputs))

    assert [shapes[role].usual for role in roles] == [
        (3, 2, 17, 31),
        (3, 1, 17, 31),
        (3,),
        (3, 1),
        (3, 3, 17, 31),
    ]


def test_an_axis_of_an_unknown_formula_is_refused(model: ModelFile) -> None:
    odd = replace(model.manifest.inputs[0], dims=("N", "H/3"))

    with pytest.raises(ValueError, match="an axis 'H/3'"):
        Profile.parse("64x64").shapes(SimpleNamespace(inputs=(odd,)))


def test_the_least_size_is_raised_to_what_the_model_takes(model: ModelFile) -> None:
    outputs = tuple(replace(each, least=161) for each in model.manifest.outputs)
    manifest = replace(model.manifest, outputs=outputs)

    assert Profile.parse("720p").fitted(manifest).least == Size(1, 161, 161)
    assert Profile.parse("720p").fitted(model.manifest).least == Size(1, 1, 1)
    with pytest.raises(ValueError, match=r"mse needs .* 161x161 pixels.* for 128x128"):
        Profile.parse("128x128").fitted(manifest)


def test_the_tightest_profile_comes_first() -> None:
    tight, tuned, loose = (
        Profile.parse(text)
        for text in ("64x64/640x360/1280x720", "64x64/1280x720/1280x720", "2160p")
    )

    found = sorted((loose, tight, tuned), key=lambda each: each.looseness(1, 720, 1280))

    assert found == [tuned, tight, loose]
