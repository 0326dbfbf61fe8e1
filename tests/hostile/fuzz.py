"""Mutated inputs by number: the same seed and number are the same input.

`python tests/hostile/fuzz.py --mutations 20000 --seed 7` runs more of them than the tests do; `--only 123`
runs a single one, and `--keep FOLDER` leaves its files there.
"""

import argparse
import copy
import csv
import io
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hostile.command_lines import command_line
from hostile.configs import CONFIGS
from hostile.doors import Ended, ends_in_words, peak_gigabytes
from hostile.mutations import mutated_data, mutated_text

from dse.spec.catalog.config_paths import bundled

Try = Callable[[random.Random, Path], Ended]

HEADER = (
    "chip,n_chips,llm,weights,tp,batch,batch_kind,isl,osl,metric,value,engine,date,quality,spec_decode,stat"
)
ROWS = (
    "h100-sxm,1,llama2-7b,fp16,1,8,static,128,128,tpot_ms,15,vLLM 0.6,2024-05,A,,mean",
    "a100-sxm-80gb,8,llama2-70b,fp16,8,32,concurrency,512,256,decode_tok_s_total,900,NIM,2023-12,B,,",
    "h200-sxm,8,llama3.1-70b,fp8,8,,unknown,1024,1024,tok_s_per_chip,300,SGLang,2025-06,A,MTP-2,median",
    "mi300x,1,llama2-7b,bf16,1,1,static,64,64,ttft_ms,20,vLLM,2024,C,,p99",
)  # fmt: skip


@cache
def texts(kind: str) -> tuple[str, ...]:
    """Sound inputs of a kind, in a fixed order: every bundled config, LLM and table."""
    if kind == "yaml":
        folders = [bundled("configs"), bundled("studies")]
        return tuple(p.read_text(encoding="utf-8") for f in folders for p in sorted(f.rglob("*.yaml")))
    if kind == "json":
        return tuple(json.dumps(config, indent=1) for config in CONFIGS)
    return ("\n".join((HEADER, *ROWS)) + "\n",)


def try_yaml(draw: random.Random, folder: Path) -> Ended:
    """A bundled file of any kind, mutated; what passes the check as a chip or an LLM is estimated too."""
    text = draw.choice(texts("yaml"))
    if draw.random() < 0.5:
        data = yaml.safe_load(text)
        made = _dumped(mutated_data(draw, data)).encode()
    else:
        made = mutated_text(draw, text, texts("yaml"))
    name = text.partition("name: ")[2].partition("\n")[0].strip() or "mine"
    file = folder / f"{name if name.replace('-', '').replace('.', '').isalnum() else 'mine'}.yaml"
    file.write_bytes(made)
    ended = ends_in_words("check", file, file=file)
    used = _use(text.partition("kind: ")[2].partition("\n")[0], file)
    return ends_in_words(*used) if ended.code == 0 and not ended.fault and used else ended


def _use(kind: str, file: Path) -> tuple[object, ...]:
    """A command that uses a file of a kind."""
    estimate = {"chip": "h100-sxm", "llm": "llama2-7b", "workload": "chat"}
    if kind not in (*estimate, "stack"):
        return ()
    return ("estimate", *(part for name, v in {**estimate, kind: file}.items() for part in (f"--{name}", v)))


def _dumped(data: Any) -> str:
    try:
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, RecursionError):
        return repr(data)


def try_json(draw: random.Random, folder: Path) -> Ended:
    """A config of a small LLM, mutated."""
    if draw.random() < 0.7:
        data = copy.deepcopy(draw.choice(CONFIGS))
        made = json.dumps(mutated_data(draw, data), indent=1).encode()
    else:
        made = mutated_text(draw, draw.choice(texts("json")), texts("json"))
    file = folder / "config.json"
    file.write_bytes(made)
    return ends_in_words("import", file, file=file)


def try_csv(draw: random.Random, folder: Path) -> Ended:
    """A table of four rows, mutated by cells or by letters."""
    text = texts("csv")[0]
    if draw.random() < 0.6:
        rows = mutated_data(draw, [line.split(",") for line in text.splitlines()])
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        listed = rows if isinstance(rows, list) else [rows]
        writer.writerows(row if isinstance(row, list) else [row] for row in listed)
        made = buffer.getvalue().encode(errors="surrogatepass")
    else:
        made = mutated_text(draw, text, texts("csv"))
    file = folder / "rows.csv"
    file.write_bytes(made)
    return ends_in_words("validate", file, "--format", draw.choice(("table", "csv", "json")))


RESULTS = ("front.csv", "baselines.csv", "at_targets.csv", "manifest.json")
STUDY = "0001-groq-vs-h100"


def try_results(draw: random.Random, folder: Path) -> Ended:
    """A committed results folder with one file mutated; of half of the tables the digest is mended."""
    own = folder / "results"
    own.mkdir(exist_ok=True)
    data = {name: (bundled("studies") / STUDY / name).read_text(encoding="utf-8") for name in RESULTS}
    name = draw.choice(RESULTS)
    if name == "manifest.json" and draw.random() < 0.7:
        made = json.dumps(mutated_data(draw, json.loads(data[name])), indent=1).encode()
    else:
        made = mutated_text(draw, data[name], (data[name],))
    for each, text in data.items():
        (own / each).write_bytes(made if each == name else text.encode())
    if name != "manifest.json" and draw.random() < 0.7:
        manifest = json.loads(data["manifest.json"])
        manifest["files"][name]["sha256"] = sha256(made.replace(b"\r\n", b"\n")).hexdigest()
        (own / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    form = draw.choice(("table", "csv", "json"))
    return ends_in_words("front", STUDY, "--out", own, "--no-intervals", "--format", form)


def try_command_line(draw: random.Random, folder: Path) -> Ended:
    """A command line of a verb, mutated."""
    return ends_in_words(*command_line(draw, folder))


DOORS: tuple[tuple[str, int, Try], ...] = (
    ("yaml", 50, try_yaml),
    ("json", 18, try_json),
    ("csv", 12, try_csv),
    ("results", 8, try_results),
    ("command line", 12, try_command_line),
)
"""Name of a door, its share of all mutations [%], and what tries it."""


def door_of(index: int) -> tuple[str, Try]:
    """The door that a mutation is for: each hundred has every one by its share."""
    place = index * 37 % 100  # prime to a hundred, so that doors take turns
    for name, share, attempt in DOORS:
        if place < share:
            return name, attempt
        place -= share
    raise AssertionError("the shares add up to a hundred")


def tried(seed: int, numbers: Iterable[int], folder: Path) -> Iterator[tuple[int, str, Ended]]:
    """Each mutation with its door and how it ended; files are made in `folder`, one after the other."""
    for index in numbers:
        name, attempt = door_of(index)
        own = folder / str(index)
        own.mkdir(parents=True)
        yield index, name, attempt(random.Random(f"{seed}:{index}"), own)


def main() -> int:
    """Run mutations, print those that fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--door")
    given = parser.parse_args()
    numbers = range(given.mutations) if given.only is None else [given.only]
    if given.door:
        numbers = [i for i in numbers if door_of(i)[0] == given.door]
    found: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory() as made:
        folder = (given.keep or Path(made)).resolve()
        os.chdir(made)
        for index, door, ended in tried(given.seed, numbers, folder):
            found[f"{door} {ended.code}"] += 1
            if ended.fault or ended.seconds > 2.0 or given.only is not None:
                faults += bool(ended.fault)
                end = ended.fault or f"code {ended.code}"
                words = " ".join(ended.words)[:200]
                print(f"{index} {door}: {end} ({ended.seconds:.1f} s): {words!r}", flush=True)
    print(dict(sorted(found.items())), f"{faults} faults, {peak_gigabytes():.2f} GB")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
