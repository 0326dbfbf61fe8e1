"""`python -m dse` and the program `dse`."""

import signal


def main() -> None:
    """Start the program; Ctrl-C while it is still being loaded ends it without a word."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dse.cli.main import main as program

    signal.signal(signal.SIGINT, before)
    program()


if __name__ == "__main__":
    main()
