"""The command line, as ``python -m framegauge.runtime``."""

from framegauge.runtime.cli import main

main()
