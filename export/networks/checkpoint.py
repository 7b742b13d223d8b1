"""A file of weights: read without executing anything, and checked before it is computed with."""

from __future__ import annotations

import hashlib
import io
import math
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from framegauge.export.networks.lpips_bundle import unbundled

_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class WeightsError(RuntimeError):
    """Weights that are not available, are not those wanted, or cannot be read safely."""


class AbsentWeightsError(WeightsError):
    """Weights that are not on this machine, and could not be fetched."""


@dataclass(frozen=True, kw_only=True)
class LoadedWeights:
    """Weights in memory, and where they are from.

    Attributes:
        name: Which weights.
        tensors: By name, as the file has them.
        sha256: Of the file, in hex; of the tensors if they were given in memory.
        licence: Their terms, as published.
        origin: File name, or ``memory``.
    """

    name: str
    tensors: Mapping[str, Tensor]
    sha256: str
    licence: str
    origin: str

    def tensor(
        self, key: str, shape: tuple[int, ...], *, wanted: str, low: float = -math.inf
    ) -> Tensor:
        """A copy of one tensor, which is as it should be.

        Args:
            key: Its name.
            shape: What it should have.
            wanted: The file that has it so, for errors.
            low: Least value that it may hold.

        Raises:
            WeightsError: It is missing, has another shape or type, or holds what it may not.
        """
        tensor = self.tensors.get(key)
        if tensor is None or tuple(tensor.shape) != shape:
            found = "is missing" if tensor is None else f"has the shape {tuple(tensor.shape)}"
            raise WeightsError(
                f"{self.origin} does not hold {self.name}: its {key} should have the shape "
                f"{shape}, and {found}. Give {wanted}."
            )
        if tensor.dtype not in _TYPES:
            raise WeightsError(
                f"{self.origin} does not hold {self.name}: its {key} is of the type "
                f"{tensor.dtype}, and weights are floating-point. Give {wanted}."
            )
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{self.origin} is damaged: {key} is not finite. Get it again.")
        if (tensor < low).any():
            raise WeightsError(
                f"{self.origin} does not hold {self.name}: its {key} has values below {low:g}, and "
                f"no trained one has. Give {wanted}."
            )
        # A copy that is made while inference mode is on could never be trained through.
        with torch.inference_mode(False):
            return tensor.detach().clone()


def unpickled(content: bytes, origin: str, *, wanted: str) -> dict[str, Tensor]:
    """The tensors of a file that ``torch.save`` wrote.

    Args:
        content: The file.
        origin: Its name, for errors.
        wanted: The file that was published, for errors.

    Raises:
        WeightsError: It is damaged, holds code, or holds something else than tensors by name.
    """
    try:
        with warnings.catch_warnings():
            # Of files of another pickle protocol, which are read or refused below.
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        _check_sums(content)
    except Exception as error:  # damaged bytes can make the unpickler raise anything
        raise WeightsError(
            f"{origin} is not a file of weights that can be read safely: a dictionary of tensors, "
            "as torch.save writes it, was wanted. It may be damaged, or hold code, which is never "
            f"executed. Get {wanted} again."
        ) from error
    return checked(tensors, origin, wanted=wanted)


def checked(tensors: object, origin: str, *, wanted: str) -> dict[str, Tensor]:
    """Tensors by name, all of them dense and with values.

    Args:
        tensors: What should be that, or a bundle of them.
        origin: Where they are from, for errors.
        wanted: The file that was published, for errors.

    Raises:
        WeightsError: They are something else.
    """
    tensors = unbundled(tensors)
    if not isinstance(tensors, Mapping) or not all(
        isinstance(each, Tensor) and each.layout == torch.strided and not each.is_meta
        for each in tensors.values()
    ):
        raise WeightsError(
            f"{origin} holds no dictionary of tensors with values, which {wanted} is. Give that, "
            "or of a network its features part."
        )
    return dict(tensors)


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors by name, in hex."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _check_sums(content: bytes) -> None:
    """Compare the archive's checksums, which PyTorch writes and does not look at.

    Raises:
        BadZipFile: One differs.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return  # as older releases of PyTorch wrote files, without checksums
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} differs")
