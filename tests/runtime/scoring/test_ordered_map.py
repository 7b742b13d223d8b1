import itertools
import threading
from collections.abc import Iterator

import pytest

from framegauge.runtime.scoring.ordered_map import ordered_map


def workers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("framegauge-score")]


def test_results_keep_the_order_of_the_items() -> None:
    later = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0:
            assert later.wait(10)
        else:
            later.set()
        return item

    assert list(ordered_map(slow_first, iter(range(20)), 2)) == list(range(20))
    assert workers() == []


@pytest.mark.parametrize("depth", [2, 3])
def test_as_many_run_at_a_time_as_asked(depth: int) -> None:
    together = threading.Barrier(depth, timeout=10)

    results = list(ordered_map(lambda item: (together.wait(), item)[1], iter(range(6)), depth))

    assert results == list(range(6))


@pytest.mark.parametrize("depth", [1, 3])
def test_no_more_items_are_taken_early_than_asked(depth: int) -> None:
    items = itertools.count()
    results = ordered_map(str, items, depth)

    next(results)
    results.close()

    assert next(items) == depth


def test_a_depth_of_one_calls_in_the_thread_that_asks() -> None:
    threads = ordered_map(lambda _: threading.current_thread(), iter("ab"), 1)

    assert list(threads) == [threading.current_thread()] * 2


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_what_the_function_raises_comes_after_the_results_before_it(depth: int) -> None:
    def broken(item: int) -> int:
        if item >= 2:
            raise OSError(f"item {item} is gone")
        return item

    results = ordered_map(broken, iter(range(9)), depth)

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match="item 2 is gone"):
        next(results)
    assert workers() == []


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_what_the_items_raise_comes_after_the_results_before_it(depth: int) -> None:
    def broken() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk is gone")

    results = ordered_map(str, broken(), depth)

    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)
    assert workers() == []


def test_an_interrupt_waits_for_what_runs_and_starts_no_more() -> None:
    started: list[int] = []
    results = ordered_map(lambda item: started.append(item), itertools.count(), 2)
    next(results)

    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt())

    assert workers() == []
    assert len(started) <= 2


def test_depth_is_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        next(ordered_map(str, iter("a"), 0))
