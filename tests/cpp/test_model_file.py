"""Model files that are not what they seem: an error that names the file."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from framegauge.runtime.models.model_files import SHIPPED

PSNR = SHIPPED / "yuv420p" / "psnr.onnx"


@pytest.mark.parametrize("content", [b"", b"\x08", b"not a model", PSNR.read_bytes()[:3000]])
def test_what_is_no_model_is_refused(builds: Any, tmp_path: Path, content: Any) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)

    ran = builds("address").score("a.y4m", "b.y4m", "--model", path)

    assert ran.returncode in (1, 2)
    assert "damaged.onnx" in ran.stderr.decode()


def test_a_bent_weight_fails_the_self_test(plain: Any, tmp_path: Path) -> None:
    model = onnx.load(SHIPPED / "rgb24" / "ssim.onnx")
    floats = [each for each in model.graph.initializer if each.data_type == 1]
    largest = max(floats, key=lambda each: onnx.numpy_helper.to_array(each).size)
    bent = onnx.numpy_helper.to_array(largest) * 1.01
    largest.CopyFrom(onnx.numpy_helper.from_array(bent.astype("float32"), largest.name))
    onnx.save(model, tmp_path / "bent.onnx")

    ran = plain.score("a.y4m", "b.y4m", "--model", tmp_path / "bent.onnx")

    assert ran.returncode == 1
    assert "failed its self-test: ssim" in ran.stderr.decode()
