"""Pages of docstrings, which mkdocstrings reads from the modules that they name."""

from pathlib import Path

import dse


def python_page() -> str:
    """The Python API: what `dse` exports, and what plug-ins need."""
    lines = ["# Python API", "", "## `dse`", "", "Import these names from `dse`."]
    for name in sorted(dse._PUBLIC, key=str.lower):
        lines += ["", f"::: {dse._PUBLIC[name]}.{name}", "    options: {heading_level: 3}"]
    for title, module in (("For plug-ins", "objectives.api"), ("Contract tests", "dse.testing.contract")):
        lines += ["", f"## {title}", "", f"::: {module}", "    options: {heading_level: 3}"]
    return "\n".join(lines) + "\n"


def equation_pages(root: Path) -> dict[str, str]:
    """A page for each room of the equations, and their overview."""
    folder = root / "objectives" / "equations"
    # the folder itself is no room
    rooms = sorted(path.parent for path in folder.rglob("__init__.py") if path.parent != folder)
    pages, lines = {}, ["# Equations", "", "Pure functions on arrays, one subject a module.", ""]
    for room in rooms:
        name = room.relative_to(folder).as_posix().replace("/", "-")
        title = name.replace("-", ": ").capitalize().replace("Llm", "LLM")
        package = ".".join(room.relative_to(root).parts)
        modules = [f"{package}.{path.stem}" for path in sorted(room.glob("*.py")) if path.stem != "__init__"]
        text = [f"# {title}", "", f"::: {package}"]
        # the docstring of the package alone, since its modules follow
        text += ["    options: {show_root_heading: false, show_root_toc_entry: false, members: []}"]
        for module in modules:
            text += ["", f"## `{module.removeprefix('objectives.equations.')}`", "", f"::: {module}"]
            text += ["    options: {heading_level: 3, show_root_heading: false, show_root_toc_entry: false}"]
        pages[f"reference/equations/{name}.md"] = "\n".join(text) + "\n"
        lines.append(f"- [{title}]({name}.md)")
    return {"reference/equations/index.md": "\n".join(lines) + "\n", **pages}
