"""What hostile inputs are made from, and how long the slow run makes them."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

# Inputs of each reader in the default run; seconds for each in the slow one.
FEW = 60
SECONDS = float(os.environ.get("FRAMEGAUGE_FUZZ_SECONDS", "30"))
# Seconds that no reader takes for one small file, on whatever machine.
PATIENCE = 120

# What a reader of text may not be ready for.
WORDS = [
    *("null", "true", "NaN", "nan", "-Infinity", "1e999", "-1", "1_0", "\u0663", "9" * 5000),
    *("[" * 3000, "{}", '"', '""', "\\ud800", "\x00", "\x1b[2J", "\u202e", "\ufeff", "\r", "\n"),
    *("../..", "/dev/zero", "%d%d", "&a;", "<!DOCTYPE a>", "1e999999999", "9007199254740993", "="),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 10**40, 0.5, -0.0, 1e308, 5e-324, -1e308),
    *("", "x", "nan", "\x1b[31m", "\ud800", "p5", "samples", "9" * 400, [], {}, [[]], {"": 0}),
    *([None], ["x", 1], {"schema": True}, [1] * 50),
]


class Mutator:
    """Makes other inputs of one, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, text: str) -> str:
        """A text with a few places changed."""
        for _ in range(self._random.randint(1, 4)):
            text = self._place(text, self._random.choice(WORDS))
        return text

    def content(self, content: bytes) -> bytes:
        """Bytes with a few places changed."""
        for _ in range(self._random.randint(1, 4)):
            insert = self._random.randbytes(self._random.choice([1, 1, 2, 8, 300]))
            content = self._place(content, insert)
        return content

    def document(self, document: Any) -> Any:
        """A copy of what JSON stands for with a few values changed."""
        document = json.loads(json.dumps(document))
        for _ in range(self._random.choice([1, 1, 1, 2, 5])):
            holders = list(_holders(document))
            if not holders:
                return self._random.choice(VALUES)
            holder = self._random.choice(holders)
            key = self._random.choice(
                list(holder) if isinstance(holder, dict) else range(len(holder))
            )
            match self._random.randrange(4):
                case 0:
                    del holder[key]
                case 1:
                    holder[key] = self._random.choice(VALUES)
                case 2:
                    holder[key] = [holder[key]]
                case 3:
                    other = self._random.choice(holders)
                    values = list(other.values() if isinstance(other, dict) else other)
                    # A copy: what holds itself is no JSON.
                    holder[key] = json.loads(json.dumps(self._random.choice(values)))
        return document

    def _place(self, whole: Any, word: Any) -> Any:
        """A word put in, or in place of a part; or a part left out, or there twice."""
        begin = self._random.randint(0, len(whole))
        end = min(len(whole), begin + self._random.choice([0, 1, 2, 8, 100]))
        match self._random.randrange(5):
            case 0:
                return whole[:begin]
            case 1:
                return whole[:begin] + whole[end:]
            case 2:
                return whole[:end] + whole[begin:]
            case _:
                return whole[:begin] + word + whole[end:]


def _holders(value: Any) -> Iterator[Any]:
    """Every object and list with something in it."""
    if isinstance(value, dict | list) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _holders(each)


# How Python speaks of faults, which tells people nothing of their file.
PYTHONS = re.compile(
    r"'\w+' object|NoneType|indices must be|positional argument|unexpected keyword|unhashable|"
    r"invalid literal|could not convert|codec can't|recursion depth|must be real number|"
    r"too large to convert|Exceeds the limit|\[Errno|<class |dictionary update|out of range\b|"
    r"not enough values|too many values|KeyError|TypeError|ValueError"
)


@contextmanager
def no_longer() -> Iterator[None]:
    """Fails what hangs."""

    def late(*_: object) -> None:
        pytest.fail(f"A reader has not come to an end within {PATIENCE} s.")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def few() -> Iterator[int]:
    """Seeds of the default run, always the same."""
    yield from range(FEW)


def many() -> Iterator[int]:
    """Seeds of the slow run, for some time."""
    end = time.monotonic() + SECONDS
    for seed in count(FEW):
        if time.monotonic() > end:
            return
        yield seed


@pytest.fixture(params=[few, pytest.param(many, marks=pytest.mark.slow)], ids=["few", "many"])
def fuzz(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """Reads what a mutator makes: all of it is read, or refused by one of some errors of ours."""

    def run(
        make: Callable[[Mutator], bytes | str],
        read: Callable[[Path], object],
        *refusals: type[Exception],
        name: str = "x",
    ) -> None:
        path = tmp_path / name
        for seed in request.param():
            made = make(Mutator(seed))
            content = made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made
            path.write_bytes(content)
            try:
                with no_longer():
                    read(path)
            except refusals as error:
                words = str(error)
                if type(error) not in refusals or PYTHONS.search(words) or len(words) > 20_000:
                    pytest.fail(f"seed {seed}: {error!r} for {content[:500]!r}")
            except Exception as error:
                raise AssertionError(f"seed {seed}, {content[:500]!r}") from error

    return run
