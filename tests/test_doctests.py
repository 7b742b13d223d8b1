"""Every example in every docstring runs, under its installed name."""

import doctest
import importlib
import pkgutil
from typing import Any

import pytest

ROOMS = ("framegauge.export", "framegauge.engines", "framegauge.runtime")


def modules() -> Any:
    """Names of all modules; a namespace package is walked room by room."""
    found = list(ROOMS)
    for room in ROOMS:
        path = importlib.import_module(room).__path__
        found += [module.name for module in pkgutil.walk_packages(path, f"{room}.")]
    return sorted(found)


@pytest.mark.parametrize("name", modules())
def test_examples_hold(name: Any) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module("framegauge.export.metrics.psnr")

    assert [test.name for test in finder.find(module) if test.examples]
