import io

from rich.console import Console

from framegauge.runtime.commands.terminal import progress_of


def test_words_told_meanwhile_stand_on_lines_of_their_own() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)

    with progress_of("frames", console) as show:
        assert show is not None
        show(1, 2)
        console.print("note: told meanwhile")

    # The line is taken away first, and drawn again below.
    lines = console.file.getvalue().replace("\r", "\n").splitlines()  # type: ignore[attr-defined]
    assert "\x1b[2Knote: told meanwhile" in lines


def test_a_quiet_console_shows_no_progress() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, quiet=True)

    with progress_of("frames", console) as show:
        assert show is None
