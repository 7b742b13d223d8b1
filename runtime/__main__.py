"""The command line, as ``python -m framegauge.runtime``."""

from framegauge.runtime.cli import main

if __name__ == "__main__":
    main()
