import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framegauge.export import catalog, export
from framegauge.runtime import Scorer

ROOT = Path(__file__).parents[1]
GUIDES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        *(ROOT / room / "README.md" for room in ("export", "engines", "runtime", "tests")),
        ROOT / "runtime" / "cpp" / "README.md",
    )
}
README = GUIDES["README.md"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# What makes or fills an environment, or runs these tests, is compared and not run.
INSTALLS = re.compile(r"(^|/)(pip|pytest)\b|-m venv\b")
EXAMPLES = sorted((ROOT / "tests" / "examples").iterdir())
BLOCK = re.compile(
    r"(?:<!-- not run:(?P<reason>[^>]*?)-->\n)?^```(?P<kind>sh|python)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code in a guide."""

    guide: str
    line: int
    kind: str
    text: str
    reason: str | None

    @property
    def commands(self) -> list[str]:
        """The command lines of a shell block, continued lines joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]

    def __str__(self) -> str:
        return f"{self.guide}, line {self.line}"


BLOCKS = [
    Block(
        guide,
        text[: found.start("kind")].count("\n") + 1,
        found["kind"],
        found["text"],
        found["reason"],
    )
    for guide, text in GUIDES.items()
    for found in BLOCK.finditer(text)
]
SHELL = [block for block in BLOCKS if block.kind == "sh"]
RUN = [block for block in BLOCKS if block.reason is None]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder in which the paths of a guide lead to the repository's files, read from its top."""
    (tmp_path / "tests").mkdir()
    for name in ("clips", "golden"):
        os.symlink(ROOT / "tests" / name, tmp_path / "tests" / name)
    return tmp_path


def ran(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))
    return subprocess.run(
        command,
        cwd=place,
        env=os.environ | {"PATH": paths, "FRAMEGAUGE_CACHE": str(place / "cache")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("guide", GUIDES)
def test_every_block_of_code_is_found(guide: str) -> None:
    text = GUIDES[guide]
    blocks = [block for block in BLOCKS if block.guide == guide]
    fences = re.findall(r"^```(sh|python|console|bash|shell|py)$", text, re.MULTILINE)

    assert [block.kind for block in blocks] == fences
    assert text.count("<!-- not run:") == sum(block.reason is not None for block in blocks)


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT / name for name in GUIDES),
        *(
            each
            for room in ("runtime", "engines", "export")
            for each in (ROOT / room).rglob("*.py")
        ),
        *(ROOT / "runtime" / "cpp").rglob("*.cpp"),
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_a_gate_is_quoted_wherever_it_is_shown(path: Path) -> None:
    shown = re.findall(r"--gate[ =]\S+", path.read_text(encoding="utf-8"))

    # Unquoted, a shell would write a file called `=45` and give the gate no bound.
    assert [each for each in shown if re.match(r"--gate[ =][^'\"]*[<>]", each)] == []


def test_the_front_page_is_read_in_a_minute() -> None:
    assert README.count("\n") < 150


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_shown_as_it_is(path: Path) -> None:
    name, text = path.relative_to(ROOT), path.read_text(encoding="utf-8")

    shown = [
        f"<!-- {name} -->\n```{path.suffix[1:].replace('py', 'python')}\n{text}```\n" in guide
        for guide in GUIDES.values()
    ]

    assert sum(shown) == 1


def test_enough_is_run_to_mean_something() -> None:
    commands = [command for block in RUN if block.kind == "sh" for command in block.commands]

    assert len(commands) >= 5
    assert any(block.kind == "python" for block in RUN)
    assert all(command.startswith(("framegauge ", "printf ")) for command in commands)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.reason is not None], ids=str)
def test_what_is_not_run_says_why(block: Block) -> None:
    assert block.reason is not None
    assert len(block.reason.split()) >= 2


@pytest.mark.parametrize("guide", sorted({block.guide for block in RUN}))
def test_a_guide_runs_from_its_top_as_it_is_written(guide: str, place: Path) -> None:
    for block in (block for block in RUN if block.guide == guide):
        if block.kind == "python":
            commands = [[sys.executable, "-W", "error", "-c", block.text]]
        else:
            commands = [["bash", "-c", command] for command in block.commands]
        for command in commands:
            done = ran(command, place)

            assert done.returncode == 0, f"{block}: {command}\n{done.stderr}"


def test_the_fleet_is_listed_as_it_is_written(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "examples" / "fleet.toml", tmp_path)
    shutil.copy(ROOT / "runtime" / "models" / "rgb24" / "psnr.onnx", tmp_path / "model.onnx")

    done = ran(["framegauge", "engines", "regenerate", "fleet.toml", "--dry-run"], tmp_path)

    # Three targets of one model with two profiles, and two files for each of two formats.
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("to build") == 3 * 2 + 2 * 2


def test_every_command_for_an_environment_is_marked_as_not_run() -> None:
    marked = [block for block in SHELL if block.reason is not None]
    installing = [
        block for block in SHELL if any(INSTALLS.search(command) for command in block.commands)
    ]

    assert installing
    assert all(block in marked for block in installing)


def test_extras_that_are_named_exist() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"])
    named = re.findall(r"(?:framegauge|\.)\[([a-z,]+)\]", "".join(GUIDES.values()))

    assert {"cpu", "test"} <= {extra for names in named for extra in names.split(",")} <= extras


def test_what_is_installed_is_the_checkout() -> None:
    lines = [
        line for text in GUIDES.values() for line in text.splitlines() if "pip install" in line
    ]

    assert lines
    assert [line for line in lines if "framegauge[" in line] == []


def steps(script: str, program: str) -> list[list[str]]:
    """What a program is given each time a script or command line starts it."""
    lines = [line for part in script.splitlines() for line in part.split("&&")]
    words = [
        re.sub(r"^(step|limited \$\(\(.*?\)\)) |\|\|.*", "", line).split()
        for line in lines
        if " -m slow " not in line
    ]
    return [
        [
            word.strip("'")
            for word in line[1:]
            if word != "-q" and not word.startswith("--durations")
        ]
        for line in words
        if line and line[0].rpartition("/")[2] == program
    ]


@pytest.mark.parametrize("program", ["pip", "pytest"])
def test_the_command_that_tests_is_the_one_that_integration_runs(program: str) -> None:
    (block,) = [
        block
        for block in SHELL
        if block.guide == "README.md" and re.search(r"bin/pytest\b", block.text)
    ]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    wanted = steps(block.text, program)

    assert wanted
    assert steps(script, program) == wanted


def test_the_minutes_of_integration_are_those_of_the_guide() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    line = "minutes=(\\d+) slow_minutes=(\\d+) all_minutes=(\\d+) shards=(\\d+)"
    (numbers,) = re.findall(line, script)

    said = re.findall(
        r"\b\d+\b", GUIDES["tests/README.md"].partition("`.ci/run`")[2].partition("##")[0]
    )

    assert set(numbers) <= set(said)


@pytest.mark.parametrize("guide", GUIDES)
def test_links_lead_to_files(guide: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)", GUIDES[guide])
    folder = (ROOT / guide).parent

    assert [link for link in links if not (folder / link).exists()] == []


def test_the_files_on_the_way_of_a_frame_are_there() -> None:
    way = GUIDES["runtime/README.md"].partition("## A frame's way")[2]
    named = re.findall(r"`([a-z_/]+\.py)`", way)
    there = {path.relative_to(ROOT / "runtime") for path in (ROOT / "runtime").rglob("*.py")}

    assert len(named) >= 25
    assert [name for name in named if not any(path.match(name) for path in there)] == []


def test_an_entry_that_is_added_as_the_guide_says_is_exported_and_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_from_file_location("minkowski", ROOT / "tests" / "examples" / "minkowski.py")
    assert spec is not None
    assert spec.loader is not None
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(catalog, "ENTRIES", (*catalog.ENTRIES, example.Minkowski))
    dark, light = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 51, np.uint8)

    path = export("minkowski,minkowski[power=2]", tmp_path / "m.onnx", format="rgb24")
    with Scorer(path) as scorer:
        scores = scorer(reference=dark, distorted=light)

    assert scores["minkowski"] == pytest.approx(0.2**3, rel=1e-5)
    assert scores["minkowski_power_2"] == pytest.approx(0.2**2, rel=1e-5)
