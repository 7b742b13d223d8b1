"""The oldest release of ONNX Runtime that the guides promise proves every shipped model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from framegauge.runtime import models

# ONNX Runtime 1.17 was built against NumPy 1.
OLDEST = ("onnxruntime==1.17.*", "numpy==1.26.*")
PROGRAM = """
import sys
from pathlib import Path
import onnxruntime
from framegauge.runtime import Scorer
assert onnxruntime.__version__.startswith("1.17."), onnxruntime.__version__
files = sorted(Path(sys.argv[1]).glob("*/*.onnx"))
for file in files:
    Scorer(file).close()  # its self-test has run by then
print(len(files))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="ONNX Runtime 1.17 has no wheel for it")
def test_every_shipped_model_proves_itself_in_the_oldest_release(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*pip, *OLDEST], check=True, capture_output=True)
    shipped = Path(models.__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(shipped)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(list(shipped.glob("*/*.onnx")))
