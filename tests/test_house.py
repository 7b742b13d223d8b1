"""How the packages hang together: which way imports go, and that every name is said once."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("export", "engines", "runtime")
CONTRACT = sorted(path.stem for path in (ROOT / "export" / "contract").glob("[!_]*.py"))
HEAVY = {"torch", "onnx", "onnx_ir", "onnxscript", "tensorrt", "tensorrt_rtx"}

# What the runtime takes from engines beside their face, and who takes it.
ENGINES_BY_NAME = {
    "engines.building.adopt": {"commands"},
    "engines.building.build": {"commands", "backends"},
    "engines.building.job": {"commands"},
    "engines.finding.resolve": {"commands"},
    "engines.fleet.fleet": {"commands"},
    "engines.fleet.regenerate": {"commands"},
    "engines.identity.gpu_names": {"commands"},
    "engines.identity.options": {"commands"},
    "engines.identity.target": {"commands"},
    "engines.proving.file_checks": {"commands"},
    "engines.proving.freshness": {"commands"},
    "engines.proving.polygraphy_comparison": {"backends"},
    "engines.proving.verify": {"commands", "backends"},
    "engines.store.prune": {"commands"},
    "engines.store.superseded": {"commands"},
    "engines.store.trusted_files": {"backends"},
}


# Functions for people, who name what they want and leave out the rest.
FLAT = {
    "runtime.scoring.scorer.Scorer.of",
    "runtime.scoring.videos.score",
    "runtime.sets.score_set.score_set",
}

# Those that take whatever roles or options there are, by their names.
BY_ROLE = {
    "runtime.commands.options.given",
    "runtime.scoring.scorer.Scorer.__call__",
    "runtime.scoring.scorer.Scorer.on_gpu",
}


@cache
def modules() -> dict[str, Path]:
    """Every file of the packages by the name it is imported by, less ``framegauge.``."""
    found = {}
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules().items()}


def imported(tree: ast.AST) -> Iterable[str]:
    """The modules that a file imports: at its top, in functions, and for type checkers only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_file = inner.removeprefix("framegauge.") in modules()
                yield inner if is_file else node.module


@cache
def edges() -> dict[str, set[str]]:
    """For each file, those of the packages that it imports."""
    return {
        name: {
            other.removeprefix("framegauge.")
            for other in imported(tree)
            if other.startswith("framegauge.")
        }
        for name, tree in trees().items()
    }


def room(name: str) -> str:
    """The folder of a package that a file lies in; a file beside the folders is its own."""
    return ".".join(name.split(".")[:2])


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Names that lead from one to the next and back to the first; none if there is no circle."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, ())):
            if found := walk(other, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def test_files_do_not_import_each_other_in_a_circle() -> None:
    assert " -> ".join(circle(edges())) == ""


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    between: dict[str, set[str]] = defaultdict(set)
    for name, others in edges().items():
        between[room(name)] |= {room(other) for other in others} - {room(name)}

    found = circle(between)

    by_file = [
        f"{name} -> {other}"
        for name, others in edges().items()
        for other in others
        if (room(name), room(other)) in pairwise(found)
    ]
    assert by_file == []


def test_the_finder_of_circles_finds_one() -> None:
    assert circle({"a": ["b"], "b": ["c", "d"], "c": [], "d": ["b"]}) == ["b", "d", "b"]
    assert circle({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_no_import_runs_backwards() -> None:
    backwards = [
        f"{name} -> {other}"
        for name, others in edges().items()
        for other in others
        if PACKAGES.index(name.split(".")[0]) < PACKAGES.index(other.split(".")[0])
    ]

    assert backwards == []


def test_engines_and_the_runtime_take_only_the_contract_of_export() -> None:
    others = {
        (name, other)
        for name, targets in edges().items()
        for other in targets
        if not name.startswith("export")
        and other.startswith("export")
        and not other.startswith("export.contract")
    }

    # Exporting on first use, where PyTorch is installed: within functions of one module.
    assert {name for name, _ in others} == {"runtime.models.export_cache"}
    assert not modules_after("import framegauge.runtime.models.export_cache") & HEAVY


def test_the_contract_needs_nothing_but_the_standard_library() -> None:
    outside = [
        f"{name} -> {other}"
        for name, others in edges().items()
        if name.startswith("export.contract")
        for other in others
        if not other.startswith("export.contract")
    ]
    statement = "; ".join(f"import framegauge.export.contract.{name}" for name in CONTRACT)

    assert outside == []
    assert not modules_after(statement) & (HEAVY | {"numpy"})


def test_the_runtime_reaches_engines_by_their_face_and_a_short_list() -> None:
    reached: dict[str, set[str]] = defaultdict(set)
    for name, others in edges().items():
        for other in others:
            if name.startswith("runtime.") and other.startswith("engines."):
                reached[other].add(name.split(".")[1])

    assert reached == ENGINES_BY_NAME


def test_the_face_of_engines_has_what_it_names_and_loads_no_builder() -> None:
    names = "Profile, Store, Target, build, resolve, verify"

    loaded = modules_after(f"from framegauge.engines import {names}")

    assert not loaded & (HEAVY | {"polygraphy"})
    assert not modules_after("import framegauge.engines; framegauge.engines.__all__") & HEAVY


def test_the_face_of_export_is_imported_without_torch() -> None:
    assert not modules_after("import framegauge.export") & HEAVY
    assert "torch" in modules_after("from framegauge.export import export")


def test_torch_is_imported_by_graphs_alone() -> None:
    heavy = [
        f"{name} -> {other}"
        for name, tree in trees().items()
        if not name.startswith("export")
        for other in imported(tree)
        if other.partition(".")[0] in ("torch", "onnxscript")
    ]

    assert heavy == []


def test_onnx_runtime_is_imported_in_one_place() -> None:
    places = {name for name, tree in trees().items() if "onnxruntime" in set(imported(tree))}

    assert places == {"export.contract.onnx_runtime"}


def test_who_has_onnx_runtime_imported_by_others_goes_there_first() -> None:
    through = {
        name
        for name, tree in trees().items()
        if any(other.startswith("polygraphy.backend.onnx") for other in imported(tree))
    }

    assert through == {"engines.proving.polygraphy_comparison"}
    assert all("import_onnxruntime()" in modules()[name].read_text("utf-8") for name in through)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_files_of_a_package_have_one_name(package: str) -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, path in modules().items():
        if name.split(".")[0] == package and path.stem != "__init__":
            homes[path.stem].append(name)

    assert [names for names in homes.values() if len(names) > 1] == []


def test_no_two_public_classes_have_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)

    assert [{name: where} for name, where in homes.items() if len(where) > 1] == []


def test_every_word_of_the_glossary_has_one_meaning() -> None:
    text = (ROOT / "export" / "contract" / "GLOSSARY.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", text, re.MULTILINE)

    assert len(words) >= 35
    assert sorted(words) == sorted(set(words))
    assert words == sorted(words, key=str.lower)


def test_classes_that_the_glossary_names_exist() -> None:
    text = (ROOT / "export" / "contract" / "GLOSSARY.md").read_text(encoding="utf-8")
    classes = {
        node.name
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", text))

    assert named
    assert named - classes == set()


def functions(tree: ast.Module, within: str = "") -> Iterable[tuple[str, ast.FunctionDef]]:
    """Functions of a file by their name, behind that of their class."""
    for node in ast.walk(tree):
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                yield owner + child.name, child


def length(function: ast.FunctionDef, *, is_flat: bool) -> int:
    """Lines of a function but those of its docstring; of a flat face, those after it."""
    last = function.end_lineno or 0
    if ast.get_docstring(function) is None:
        return last - function.lineno + 1
    start, end = function.body[0].lineno, function.body[0].end_lineno or 0
    return last - end + (0 if is_flat else start - function.lineno)


def parameters(function: ast.FunctionDef) -> int:
    """How many arguments a function takes, without ``self`` and ``cls``."""
    taken = function.args
    names = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    others = sum(each is not None for each in (taken.vararg, taken.kwarg))
    return len([name for name in names if name not in ("self", "cls")]) + others


def functions_of(*rooms: str) -> list[tuple[str, ast.FunctionDef]]:
    return [
        (f"{module}.{name}", function)
        for module, tree in trees().items()
        if room(module) in rooms
        for name, function in functions(tree)
    ]


def test_no_function_on_the_way_of_a_frame_is_longer_than_a_screen() -> None:
    lines = [
        (name, length(function, is_flat=name in FLAT))
        for name, function in functions_of("runtime.scoring", "runtime.sets")
    ]

    assert len(lines) > 100
    assert [(name, count) for name, count in lines if count > 60] == []


def test_what_travels_together_is_passed_as_one_value() -> None:
    found = functions_of("runtime.scoring", "runtime.sets")

    assert {name for name, function in found if parameters(function) > 8} == FLAT


def test_no_keywords_are_passed_on_without_their_names() -> None:
    found = functions_of("runtime.scoring", "runtime.sets", "runtime.commands")

    assert {name for name, function in found if function.args.kwarg} == BY_ROLE


def test_functions_are_measured_without_their_docstrings() -> None:
    lines = ("class A:", " def f(self, a, *b, c, **d):", '  """A', "", '  B."""', "  return 1")
    ((name, function),) = functions(ast.parse("\n".join(lines)))

    assert (name, parameters(function)) == ("A.f", 4)
    assert (length(function, is_flat=False), length(function, is_flat=True)) == (2, 1)


def modules_after(statement: str) -> set[str]:
    """Top-level names of what Python has loaded after a statement."""
    script = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(answer.stdout.split())
