"""Tables of Markdown."""

from collections.abc import Iterable, Iterator, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a table."""
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield "| " + " | ".join(_cell(text) for text in row) + " |"


def code(text: str) -> str:
    """Text as code; nothing for none."""
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    # first unescaped, so that no bar is escaped twice
    return " ".join(text.replace("\\|", "|").replace("|", "\\|").split())
