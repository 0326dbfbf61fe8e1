"""`python -m dse` and the program `dse`."""

import os
import signal
import sys


def main() -> None:
    """Start the program; Ctrl-C while it is still being loaded ends it without a word."""
    # names of files and studies are UTF-8, also where the locale is C and Python was forbidden to assume so
    if sys.getfilesystemencoding() == "ascii" and not sys.flags.utf8_mode:
        arguments = [sys.executable, "-X", "utf8", "-m", "dse", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, "PYTHONUTF8": "1"})
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dse.cli.main import main as program

    signal.signal(signal.SIGINT, before)
    program()


if __name__ == "__main__":
    main()
