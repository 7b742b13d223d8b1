import math

import pytest

from framegauge.runtime.reports.score_tables import Column, Row, Table, latex_text

PSNR = Column(name="psnr", unit="dB", better="higher")
IE = Column(name="ie", better="lower")
UNSAID = Column(name="x")


def table(*rows: tuple[float | None, ...], columns: tuple[Column, ...] = (PSNR, IE)) -> Table:
    block = tuple(Row((f"m{number}",), values) for number, values in enumerate(rows))
    return Table(keys=("method",), columns=columns, blocks=(block,))


def marks(made: Table) -> list[list[bool]]:
    return [[cell.best for cell in cells] for block in made.cells() for _, cells in block]


def test_the_best_is_the_highest_or_the_lowest() -> None:
    assert marks(table((30.0, 2.0), (31.0, 3.0))) == [[False, True], [True, False]]


def test_what_reads_the_same_as_the_best_is_best_too() -> None:
    assert marks(table((30.0001, 1.0), (30.0, 2.0))) == [[True, True], [True, False]]


def test_one_method_alone_is_not_best() -> None:
    assert marks(table((30.0, 2.0))) == [[False, False]]


def test_nothing_is_best_where_a_number_is_missing() -> None:
    made = table((math.nan, None), (31.0, None))

    assert marks(made) == [[False, False], [False, False]]
    assert made.to_markdown().splitlines()[2:] == ["| m0 | n/a |  |", "| m1 | 31.000 |  |"]


def test_nothing_is_best_where_no_way_is_better() -> None:
    assert marks(table((1.0,), (2.0,), columns=(UNSAID,))) == [[False], [False]]


def test_blocks_are_compared_each_by_itself() -> None:
    blocks = (
        (Row(("e", "a"), (1.0,)), Row(("e", "b"), (2.0,))),
        (Row(("h", "a"), (4.0,)), Row(("h", "b"), (3.0,))),
    )
    made = Table(keys=("group", "method"), columns=(PSNR,), blocks=blocks)

    assert marks(made) == [[False], [True], [True], [False]]


def test_latex_is_set_as_booktabs_does() -> None:
    assert table((30.0, 2.0), (31.0, 3.0)).to_latex() == (
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "method & psnr [dB] $\\uparrow$ & ie $\\downarrow$ \\\\\n"
        "\\midrule\n"
        "m0 & 30.000 & \\textbf{2.0000} \\\\\n"
        "m1 & \\textbf{31.000} & 3.0000 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("50% of a_b & c#d", r"50\% of a\_b \& c\#d"),
        ("{x}$", r"\{x\}\$"),
        ("a~b^c\\d", r"a\textasciitilde{}b\textasciicircum{}c\textbackslash{}d"),
        ("x<y>z", r"x\textless{}y\textgreater{}z"),
        ("naïve", "naïve"),
    ],
)
def test_signs_of_latex_are_made_to_print(text: str, latex: str) -> None:
    assert latex_text(text) == latex


def test_signs_of_markdown_are_made_to_print() -> None:
    made = Table(keys=("a|b",), columns=(PSNR,), blocks=((Row(("x_*y*",), (1.0,)),),))

    assert made.to_markdown() == (
        "| a\\|b | psnr \\[dB\\] ↑ |\n| --- | ---: |\n| x\\_\\*y\\* | 1.0000 |\n"
    )


@pytest.mark.parametrize("name", ["[x]", "*x"])
def test_a_row_is_no_option_of_the_line_above(name: str) -> None:
    made = Table(keys=("group",), columns=(PSNR,), blocks=((Row((name,), (30.0,)),),))

    assert f"\n{{}}{name} & 30.000 \\\\\n" in made.to_latex()
