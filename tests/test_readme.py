import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

# What makes or fills an environment, or runs these tests, is compared and not run.
INSTALLS = re.compile(r"(^|/)(pip|pytest)\b|-m venv\b")
EXPORTS = re.compile(r"^framegauge (export|engines) ", re.MULTILINE)
BLOCK = re.compile(
    r"(?:<!-- not run:(?P<reason>[^>]*?)-->\n)?^```(?P<kind>sh|python)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of code in the README."""

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
        return f"line {self.line}"


BLOCKS = [
    Block(
        README[: found.start("kind")].count("\n") + 1, found["kind"], found["text"], found["reason"]
    )
    for found in BLOCK.finditer(README)
]
SHELL = [block for block in BLOCKS if block.kind == "sh"]
RUN = [block for block in BLOCKS if block.reason is None]
# Exports take minutes, and engines are built of what they wrote.
QUICK = [block for block in RUN if not EXPORTS.search(block.text)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder in which the paths of the README lead to the repository's files, read from its top.

    What one command wrote is there for those after it.
    """
    folder = tmp_path / "reader"
    (folder / "tests").mkdir(parents=True)
    for name in ("clips", "golden"):
        os.symlink(ROOT / "tests" / name, folder / "tests" / name)
    return folder


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
        timeout=600,
    )


def test_every_block_of_code_is_found() -> None:
    fences = re.findall(r"^```(sh|python|console|bash|shell|py)$", README, re.MULTILINE)

    assert [block.kind for block in BLOCKS] == fences
    assert README.count("<!-- not run:") == sum(block.reason is not None for block in BLOCKS)


def test_enough_is_run_to_mean_something() -> None:
    commands = [command for block in RUN if block.kind == "sh" for command in block.commands]

    assert len(commands) >= 5
    assert any(block.kind == "python" for block in RUN)
    assert all(command.startswith(("framegauge ", "printf ")) for command in commands)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.reason is not None], ids=str)
def test_what_is_not_run_says_why(block: Block) -> None:
    assert block.reason is not None
    assert len(block.reason.split()) >= 2


# Blocks read what those before them wrote, so they are one test.
@pytest.mark.parametrize(
    "blocks", [pytest.param(QUICK, id="quick"), pytest.param(RUN, id="all", marks=pytest.mark.slow)]
)
def test_code_runs_as_it_is_written(blocks: list[Block], place: Path) -> None:
    assert blocks
    for block in blocks:
        if block.kind == "sh":
            programs = [["bash", "-c", command] for command in block.commands]
        else:
            programs = [[sys.executable, "-W", "error", "-c", block.text]]
        for program in programs:
            done = ran(program, place)

            assert done.returncode == 0, f"{block}: {program[-1]}\n{done.stderr}"


def test_the_fleet_is_listed_as_it_is_written(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "fleet.toml").write_text(text, encoding="utf-8")
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
    named = re.findall(r"(?:framegauge|\.)\[([a-z,]+)\]", README)

    assert {"cpu", "test"} <= {extra for names in named for extra in names.split(",")} <= extras


def steps(script: str, program: str) -> list[list[str]]:
    """What a program is given each time a script or command line starts it.

    The tests of the slow run are a shard's, which the README has no command for.
    """
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
    (block,) = [block for block in SHELL if re.search(r"bin/pytest\b", block.text)]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    wanted = steps(block.text, program)

    assert wanted
    assert steps(script, program) == wanted


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_names_every_metric_of_the_catalogue() -> None:
    from framegauge.runtime.shelf import catalogue

    table = "\n".join(line for line in README.splitlines() if line.startswith("| `"))

    assert [each.spec.name for each in catalogue() if f"`{each.spec.name}`" not in table] == []
