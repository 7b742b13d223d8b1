"""The models that travel inside the package, so that scoring two videos needs no PyTorch.

``python -m framegauge.export shipped`` makes them again: for each common format a file for every
entry, one for the default suite, and an index of the whole catalogue.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import onnx
import onnx_ir
import torch

from framegauge.export.catalog import ENTRIES, listings
from framegauge.export.contract.entry import parse_entries
from framegauge.export.contract.formats import find_format
from framegauge.export.contract.json_form import plain
from framegauge.export.graph import Graph
from framegauge.export.lowering.model import describe, proven
from framegauge.export.lowering.onnx import translate
from framegauge.export.lowering.trace import trace

FORMATS = ("yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p", "rgb24")
DEFAULTS = {"yuv": "psnr_y,psnr_cb,psnr_cr,float_ssim", "rgb": "psnr,ssim"}


def index() -> str:
    """What the package ships, as JSON: the catalogue's listings, the formats, the defaults."""
    facts = {
        "formats": FORMATS,
        "defaults": DEFAULTS,
        "listings": plain(listings()),
    }
    return json.dumps(facts, indent=1) + "\n"


def suites(format: str) -> dict[str, str]:
    """The files of one format by their stem, with the entries in each."""
    kind = find_format(format).kind
    names = [
        spec.name
        for spec in (entry.SPEC for entry in ENTRIES)
        if spec.inputs == ("reference", "distorted")
        and spec.kind != "system"
        and not spec.weights
        and (kind == "yuv" or spec.reads != "plane")
    ]
    return {"default": DEFAULTS[kind], **{name: name for name in names}}


def models(format: str, tell: Callable[[str], None]) -> dict[str, bytes]:
    """Every file of one format by its stem, proven.

    Entries that read the same inputs are traced together and cut apart again, which costs a
    tenth of tracing each.

    Args:
        format: Pixel format of the frames.
        tell: Called with a line of text at each step.
    """
    groups: dict[tuple[str, ...], dict[str, Graph]] = {}
    for stem, entries in suites(format).items():
        suite = _suite(entries, format, torch.float32)
        inputs = tuple(each.name for each in suite.inputs)
        groups.setdefault((stem,) if stem == "default" else inputs, {})[stem] = suite
    files = {}
    for group in groups.values():
        tell(f"{format}: tracing {', '.join(group)}")
        together = _suite(",".join(suites(format)[stem] for stem in group), format, torch.float32)
        extractor = onnx.utils.Extractor(onnx_ir.to_proto(translate(trace(together), together)))
        for stem, suite in group.items():
            exact = _suite(suites(format)[stem], format, torch.float64)
            part = extractor.extract_model(
                [each.name for each in suite.inputs], [each.name for each in suite.outputs]
            )
            facts = describe(suite, exact)
            files[stem] = proven(onnx_ir.from_proto(part), facts, suite, exact)
    return files


def write(folder: Path, tell: Callable[[str], None]) -> None:
    """Write the index and every model below a folder, in place of those that are there.

    Args:
        folder: Where the runtime looks for them.
        tell: Called with a line of text at each step.
    """
    for format in FORMATS:
        files = models(format, tell)
        shutil.rmtree(folder / format, ignore_errors=True)
        (folder / format).mkdir(parents=True)
        for stem, content in files.items():
            (folder / format / f"{stem}.onnx").write_bytes(content)
    (folder / "index.json").write_text(index())


def _suite(entries: str | Sequence[str], format: str, dtype: torch.dtype) -> Graph:
    return Graph(parse_entries(entries), find_format(format), dtype=dtype)
