import pytest

from framegauge.engines.identity.gpu_names import architecture_of
from framegauge.engines.identity.machine import Gpu
from framegauge.engines.identity.target import parse_targets


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("sm89", "sm89"),
        ("sm_120", "sm120"),
        ("L40S", "sm89"),
        ("l4", "sm89"),
        ("RTX 4090", "sm89"),
        ("rtx-4090", "sm89"),
        ("rtx4090", "sm89"),
        ("NVIDIA GeForce RTX 4070 Laptop GPU", "sm89"),
        ("NVIDIA H100 80GB HBM3", "sm90"),
        ("NVIDIA A100-SXM4-40GB", "sm80"),
        ("A10", "sm86"),
        ("NVIDIA RTX 6000 Ada Generation", "sm89"),
        ("Quadro RTX 6000", "sm75"),
        ("Tesla T4", "sm75"),
        ("RTX PRO 6000 Blackwell Workstation Edition", "sm120"),
        ("GB10", "sm121"),
    ],
)
def test_gpus_are_known_by_the_names_they_go_by(name: str, architecture: str) -> None:
    assert architecture_of(name) == architecture


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("RTX 4095", r"RTX 4090 \(sm89\)"),
        ("L40X", r"L40S? \(sm89\)"),
        ("RTX 6000", r"RTX 6000 Ada \(sm89\)"),
    ],
)
def test_the_names_nearest_to_an_unknown_one_are_told(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"No GPU called '{name}' is known; near it: .*{near}"):
        architecture_of(name)


def test_a_word_like_none_names_what_tells_the_architecture() -> None:
    with pytest.raises(ValueError, match=r"'toaster' is known\. Name its compute capability: sm89"):
        architecture_of("toaster")


def test_targets_take_gpus_beside_architectures() -> None:
    alone = parse_targets("L40S,RTX 4090,RTX 5090")
    (together,) = parse_targets("rtx 3090+L4")

    assert [target.architectures for target in alone] == [("sm89",), ("sm120",)]
    assert together.architectures == ("sm86", "sm89")


def test_a_gpu_that_tensorrt_alone_serves_is_built_for_where_it_is() -> None:
    here = Gpu(index=0, name="NVIDIA H100", architecture="sm90", driver="13.0")

    (target,) = parse_targets("H100", find_gpu=lambda: here)

    assert (target.flavour, target.architectures) == ("tensorrt", ("sm90",))
