from pathlib import Path

import pytest

from framegauge.runtime import UsageError
from framegauge.runtime.sets.list_rows import read_rows


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_an_object_with_one_key_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"reference": "a", "reference": "c", "distorted": "b"}\n')

    with pytest.raises(UsageError, match=r"line 1 is not JSON \('reference' is there twice\)"):
        read_rows(path)


def test_values_too_deep_for_the_reader_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"reference": ' + "[" * 100_000 + "\n")

    with pytest.raises(UsageError, match=r"line 1 is not JSON .*too deep"):
        read_rows(path)


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85"])
def test_signs_that_json_allows_in_a_string_end_no_line(tmp_path: Path, sign: str) -> None:
    path = written(tmp_path, "a.jsonl", f'{{"reference": "a{sign}b"}}\r\n{{"reference": "c"}}\r\n')

    assert read_rows(path) == (
        ["reference"],
        [(1, {"reference": f"a{sign}b"}), (2, {"reference": "c"})],
    )


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\u2028", "\x0b", "\x0c", "\x1c", "\x85"])
def test_a_quoted_cell_keeps_its_lines(tmp_path: Path, sign: str) -> None:
    path = written(tmp_path, "a.csv", f'reference,distorted\n"two{sign}lines",b\n')

    header, ((_number, row),) = read_rows(path)

    assert (header, row) == (
        ["reference", "distorted"],
        {"reference": f"two{sign}lines", "distorted": "b"},
    )
