"""Pages whose examples run: fenced blocks of Markdown, the files they name, and the commands they show.

A block of the language `console` holds commands after `$ ` and lines of their output, where `...` stands for
any lines; `  # exit code 1` behind a command says how it ends. A block whose first line is a comment with a
file name is that file. Other Python blocks run.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from said import call

ROOT = Path(__file__).resolve().parents[1]
_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"# ([\w./-]+\.(?:py|yaml|csv))\n")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """Name of the file that the block shows, from its first line."""
        found = _NAME.match(self.text)
        return found.group(1) if found else None


@dataclass(frozen=True)
class Example:
    """A command or a file, and the lines that the page shows of its output; `...` stands for any."""

    command: str
    shown: tuple[str, ...] = ()
    file: Block | None = None

    def __str__(self) -> str:
        return self.file.file if self.file and self.file.file else " ".join(self.command.split()[:5])


def blocks_of(page: Path) -> list[Block]:
    """Every fenced block of a page."""
    return _blocks(page.read_text(encoding="utf-8"))


def _blocks(text: str) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(text)]


def examples_of(page: Path) -> list[Example]:
    """What a reader does with a page, in its order: write files, run commands and programs."""
    return _examples(blocks_of(page))


def _examples(blocks: list[Block]) -> list[Example]:
    found: list[Example] = []
    for block in blocks:
        if block.file:
            found.append(Example("", file=block))
        elif block.language == "python":
            found.append(Example("python: " + block.text))
        elif block.language == "console":
            for part in block.text.removeprefix("$ ").split("\n$ "):
                command, *shown = part.strip().split("\n")
                found.append(Example(command, tuple(line for line in shown if line != "...")))
    return found


def sections_of(page: Path) -> dict[str, list[Example]]:
    """Heading to the examples below it, of the sections that have any; each can be followed by itself."""
    parts = page.read_text(encoding="utf-8").split("\n## ")[1:]
    found = {part.partition("\n")[0]: _examples(_blocks(part)) for part in parts}
    return {title: examples for title, examples in found.items() if examples}


def follow(example: Example, folder: Path, *, apart: bool = False) -> None:
    """Do what an example says in `folder`, which is the current one, and compare what it shows.

    `apart` runs each command in a process of its own.
    """
    if example.file:
        _write(example.file, folder)
        return
    if example.command.startswith("python: "):
        python(["-c", example.command.removeprefix("python: ")], folder)
        return
    command, _, expected = example.command.partition("  # exit code ")
    program, *arguments = shlex.split(command)
    assert program == "dse"
    if apart:
        _shows(_words(python(["-m", "dse", *arguments], folder)), example)
        return
    said = call(*arguments)
    assert said.code == int(expected or 0), f"exit code {said.code}\n{said.out}{said.err}"
    # a terminal shows both; what a verb remarks goes to stderr
    _shows(_words(f"{said.out}\n{said.err}"), example)


def _shows(output: str, example: Example) -> None:
    at = 0
    for line in example.shown:
        found = output.find(_words(line), at)
        assert found >= 0, (
            f"{line!r} is not in the output of `{example.command}` from here on:\n{output[at:]}"
        )
        at = found + len(_words(line))


def _words(text: str) -> str:
    return " ".join(text.split())


def _write(block: Block, folder: Path) -> None:
    assert block.file
    path = folder / block.file
    path.parent.mkdir(parents=True, exist_ok=True)
    # a table has no comments, so the name above it is not part of it
    text = block.text.partition("\n")[2] if path.suffix == ".csv" else block.text
    path.write_text(text, encoding="utf-8")


def write_files(page: Path, folder: Path) -> None:
    """Every file that a page shows, in `folder`."""
    for block in blocks_of(page):
        if block.file:
            _write(block, folder)


def python(arguments: list[str], folder: Path) -> str:
    """Output of a Python program that sees `folder` as packages are seen."""
    seen = os.pathsep.join(p for p in (str(folder), os.environ.get("PYTHONPATH", "")) if p)
    env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "PYTHONPATH": seen}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def install(page: Path, folder: Path, name: str) -> None:
    """The entry points that a page shows, registered in `folder` as an installed package registers them."""
    shown = [b.text for b in blocks_of(page) if b.language == "toml" and "entry-points" in b.text]
    lines: list[str] = []
    for text in shown:
        for group, registered in re.findall(r'entry-points\."([\w.]+)"\]\n((?:[\w-]+ = "[\w.:]+"\n)+)', text):
            lines += [f"[{group}]", registered.replace('"', "")]
    info = folder / f"{name}-0.1.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 0.1\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
