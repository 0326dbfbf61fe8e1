"""Tables of a folder of configs that another person wrote: refused with file and line."""

import os
from pathlib import Path

import pytest
from hostile.doors import alarm
from said import call

TABLES = {
    "article": (
        "measurements/article.csv",
        "id,quantity,article_value,unit,rounding,note\nC01,x,9^9^9,1,0.1,\n",
        2,
    ),
    "silicon": (
        "silicon/published.csv",
        "chip,metric,value,die,fitted,source,note\nh100-sxm,beauty,1 W,,,x,\n",
        2,
    ),
    "dataflow": ("measurements/dataflow-left-out.csv", "without,beauty\nwse,1\n", 2),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_ones_own_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    place, text, line = TABLES[name]
    path = tmp_path / "my" / place
    path.parent.mkdir(parents=True)
    words = ("validate", name, "--configs", tmp_path / "my")
    with alarm():
        for written, told in (
            (text, f"{path}:{line}: "),
            (text.replace(",", "\0", 1), f"{path}:1: "),
            ("a,b\n1,2\n", f"{path}:"),
            (f'{text}"{"x" * 200_000}\n', f"{path}:{line + 1}: "),
            (f'{text}"x,1\nx,2\n', f"{path}:{line + 1}: expected a CSV, got a quote that does not close"),
        ):
            path.write_text(written, encoding="utf-8")
            call(*words).refused(told)


def test_a_pipe_among_the_configs_does_not_block(tmp_path: Path) -> None:
    for name in ("chips/mine.yaml", "sources.yaml"):
        path = tmp_path / "my" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(path)
    with alarm():
        call(
            "estimate",
            "--chip",
            "mine",
            "--llm",
            "llama2-7b",
            "--workload",
            "chat",
            "--configs",
            tmp_path / "my",
        ).refused("mine.yaml: cannot be read: expected a file, got a pipe")
        call("catalog", "chips", "--configs", tmp_path / "my").refused("got a pipe")
