"""The command line as the process list shows it, which every user of the machine can read."""

import sys
from contextlib import suppress
from pathlib import Path

from dse.masks import hidden, remember

_START, _END = 47, 48
"""Fields of /proc/PID/stat, from 0: where the arguments of the process begin and end in its memory."""


def hide_passwords() -> None:
    """Overwrite the passwords of addresses among the arguments, where the system lets us: on Linux.

    They can be read for as long as Python takes to start. `sys.argv` keeps them.
    """
    before = ("", *sys.argv)
    found = [
        word
        for word, option in zip(sys.argv, before, strict=False)
        if ("://" in word or "--storage" in (option, word.partition("=")[0])) and _shown(word) != word
    ]
    if not found:
        return
    for word in found:
        remember(word.partition("=")[2] if word.startswith("--") else word)
    # another system, or one that forbids it
    with suppress(OSError, ValueError, IndexError):
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        # two fields are in front of the bracket
        first, last = int(fields[_START - 2]), int(fields[_END - 2])
        with Path("/proc/self/mem").open("rb+", buffering=0) as memory:
            memory.seek(first)
            arguments = memory.read(last - first)
            for word in found:
                raw = word.encode(errors="surrogateescape")
                arguments = arguments.replace(raw, _shown(word).encode().ljust(len(raw), b"*")[: len(raw)])
            memory.seek(first)
            memory.write(arguments)


def _shown(word: str) -> str:
    """An argument without its password; an option may be joined to its value by an equals sign."""
    if word.startswith("--") and "=" in word:
        option, mark, value = word.partition("=")
        return f"{option}{mark}{hidden(value)}"
    return hidden(word)
