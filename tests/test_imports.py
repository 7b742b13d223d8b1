"""Which way the code may import: graphs know nothing of engines, and scoring nothing of PyTorch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIGHT = ("spec", "formats", "manifest", "comparison", "pattern", "ort")
HEAVY = {"torch", "onnx", "onnx_ir", "onnxscript"}
MODULES = {room: sorted((ROOT / room).rglob("*.py")) for room in ("export", "engines", "runtime")}


@pytest.mark.parametrize("name", LIGHT)
def test_facts_are_read_without_torch(name):
    loaded = modules_after(f"import framegauge.export.{name}")

    assert not loaded & HEAVY


@pytest.mark.parametrize("name", ["spec", "formats", "manifest", "comparison", "ort"])
def test_facts_need_the_standard_library_only(name):
    loaded = modules_after(f"import framegauge.export.{name}")

    assert "numpy" not in loaded


def test_the_folder_of_graphs_is_imported_without_torch():
    assert not modules_after("import framegauge.export") & HEAVY
    assert "torch" in modules_after("from framegauge.export import export")


@pytest.mark.parametrize("path", MODULES["export"], ids=str)
def test_graphs_import_neither_engines_nor_the_runtime(path):
    assert not [name for name, _ in imports(path) if room(name) in ("engines", "runtime")]


@pytest.mark.parametrize("path", MODULES["engines"], ids=str)
def test_engines_import_only_facts(path):
    assert not [name for name, _ in imports(path) if room(name) == "runtime"]
    assert not [name for name, _ in imports(path) if room(name) == "export" and not is_light(name)]


def test_the_runtime_imports_only_facts_but_where_it_exports():
    others = {
        (path.name, name, is_lazy)
        for path in MODULES["runtime"]
        for name, is_lazy in imports(path)
        if room(name) == "export" and not is_light(name)
    }

    # Exporting on first use, where PyTorch is installed: within functions of one module.
    assert {file for file, _, _ in others} == {"exports.py"}
    assert all(is_lazy for _, _, is_lazy in others)


@pytest.mark.parametrize("path", MODULES["engines"] + MODULES["runtime"], ids=str)
def test_torch_is_imported_by_graphs_alone(path):
    heavy = {name.partition(".")[0] for name, _ in imports(path)} & {"torch", "onnxscript"}

    assert not heavy


def test_onnx_runtime_is_imported_in_one_place():
    places = {path for path, name in loaded_by_all() if name.partition(".")[0] == "onnxruntime"}

    assert {path.name for path in places} == {"ort.py"}


def test_who_has_onnx_runtime_imported_by_others_goes_there_first():
    through = {path for path, name in loaded_by_all() if name.startswith("polygraphy.backend.onnx")}

    assert {path.name for path in through} == {"opinion.py"}
    assert all("import_onnxruntime()" in path.read_text() for path in through)


def modules_after(statement):
    """Top-level names of what Python has loaded after a statement."""
    script = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(answer.stdout.split())


def loaded_by_all():
    """Each file of ours, with each name that it imports."""
    return [(path, name) for room in MODULES.values() for path in room for name, _ in imports(path)]


def imports(path):
    """What a file imports, and whether it does so within a function only."""
    tree = ast.parse(path.read_text())
    lazy = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
    }
    checked = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.unparse(outer.test)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in lazy
        elif isinstance(node, ast.ImportFrom) and node.module == "framegauge.export":
            for alias in node.names:
                yield f"framegauge.export.{alias.name}", id(node) in lazy
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in lazy


def room(name):
    parts = name.split(".")
    return parts[1] if parts[0] == "framegauge" and len(parts) > 1 else None


def is_light(name):
    return name.split(".")[2:3] and name.split(".")[2] in LIGHT
