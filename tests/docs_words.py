"""Private words, why each is banned, and every sentence of the project that a user may see."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]

BANNED: dict[str, str] = {
    r"tell|tells|telling|told": "a program prints, reports or says; a number is printed or reported",
    r"nobody|whoever|somebody|whomever": "name who acts: a user, a process, a source",
    r"strangers?": "a plug-in of another package is external",
    r"goes on as|go on as|goes on": "continues",
    r"kept aside|set aside": "moved to a backup folder",
    r"anew": "again, or over",
    r"asked|asks": "requested, given, evaluated; a program does not ask",
    r"beside": "next to, with, or compared with",
    r"stands?|stood": "is, is printed",
    r"(?:files?|folders?|results?|trials?|data|rows?) (?:lie|lies|lay)": "is stored",
    r"(?:lie|lies) (?:there|elsewhere|next to)": "is stored",
    r"entry prices?": "capital; entry_price is the name of a metric only",
    r"knobs?": "assumption or parameter",
    r"exchanged? (?:(?:a|an|one|some|the) )?(?:number|figure|value)s?": "override",
    r"chips? that (?:is|are) exchanged": "a hypothetical chip, or a chip with overrides",
    r"bells?|crews?|islands?|keepers?|spools?|parcels?": "private names of the search",
    r"the data end|what there is|that there are": "outside the range of the data; all",
    r"as (?:nobody|somebody) knows|nobody knows": "unknown",
    r"worlds": "samples of the uncertain inputs",
    r"leans? on|leaning on|laid on|answers? for": "say what is computed: a prior, added to, valid for",
    r"who wins there|softwares": "assumptions about software",
    r"held against|held to": "compared with; limited by",
    r"misnamed|unsure|made anew": "say which name is unknown",
}
"""Regular expression of a private word (whole words, any case) to what to write instead, or why not."""

UNMENDED = (
    "configs",
    "dse/calibrate/dataflow.py",
    "dse/calibrate/equal.py",
    "dse/question/resolved_study.py",
    "studies/0005-persistent-kv/study.yaml",
    "studies/0006-sram-as-cache/study.yaml",
)
"""Files whose sentences are part of the digests of committed fronts: they change when these are renewed."""

_WORDS = {re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE): why for words, why in BANNED.items()}
_FENCE = re.compile(r"^```.*?^```$|`[^`\n]*`|\]\([^)]*\)|<!--.*?-->", re.MULTILINE | re.DOTALL)
_NOTES = ("note", "notes", "title", "question", "answer", "why", "description", "text", "comment")


@dataclass(frozen=True)
class Sentence:
    """A text that a user may see, and where it is."""

    path: str
    line: int
    text: str


def private_words(text: str) -> list[str]:
    """Banned words of a text, as they are written there."""
    return [match[0] for words in _WORDS for match in words.finditer(_FENCE.sub(" ", text))]


def sentences() -> Iterator[Sentence]:
    """All of them: pages, notes of configs and studies, help, messages and public docstrings."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
    for folder in ("dse/docs", "studies", "configs"):
        pages += sorted((ROOT / folder).rglob("*.md"))
    for page in pages:
        if page.is_file():
            yield from _paragraphs(page)
    for folder in ("configs", "studies"):
        for path in sorted((ROOT / folder).rglob("*.yaml")):
            yield from _notes(path)
    for path in sorted((ROOT / "dse").rglob("*.py")):
        yield from _strings(path)


def _paragraphs(page: Path) -> Iterator[Sentence]:
    """Paragraphs of a page, without code and links."""
    text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield Sentence(str(page.relative_to(ROOT)), number, line)


def _notes(path: Path) -> Iterator[Sentence]:
    """Texts for people in a YAML file."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=loader)
    for key, value in _pairs(node):
        if key in _NOTES and isinstance(value, yaml.ScalarNode):
            yield Sentence(str(path.relative_to(ROOT)), value.start_mark.line + 1, value.value)


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Keys of all mappings below a node, with their values."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value
            yield from _pairs(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _pairs(value)


def _strings(path: Path) -> Iterator[Sentence]:
    """Strings of more than one word in a module, except docstrings of private things."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(node) for private in _private_docstrings(tree) for node in ast.walk(private)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped or id(node) in inside:
            continue
        text = _text(node)
        if text is not None and " " in text.strip():
            yield Sentence(str(path.relative_to(ROOT)), node.lineno, text)


def _text(node: ast.AST) -> str | None:
    """The text of a string or of an f-string, whose expressions become a placeholder."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
    return None


def _private_docstrings(tree: ast.Module) -> Iterator[ast.Expr]:
    """Docstrings of functions and classes whose name begins with an underscore, and of what is in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.startswith("_"):
            for below in ast.walk(node):
                if isinstance(below, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(below):
                    yield below.body[0]  # type: ignore[misc]
