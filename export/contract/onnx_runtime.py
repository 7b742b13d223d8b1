"""ONNX Runtime, without its telemetry.

From 1.29 on its packages for Linux write an identity and a database into the user's cache when they
are imported, and seconds later look up a host of Microsoft's to tell it of each session.
"""

from __future__ import annotations

import os
from typing import Any

VARIABLE = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The module ``onnxruntime``, told to keep to itself unless the user has said otherwise.

    A value that the variable has is left alone: ``ORT_DISABLE_TELEMETRY=0`` allows telemetry. So is
    an ONNX Runtime that was imported before, which has read the variable already.

    Raises:
        ImportError: It is not installed.
    """
    # `onnxruntime.disable_telemetry_events()` is too late: the import itself makes the files.
    os.environ.setdefault(VARIABLE, "1")
    import onnxruntime

    return onnxruntime
