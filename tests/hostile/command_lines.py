"""Command lines of verbs that answer at once, mutated word by word."""

import random
import shlex
from pathlib import Path

from hostile.values import NUMBERS, QUANTITIES, TEXTS

SOUND = tuple(
    tuple(shlex.split(line))
    for line in """
estimate --chip h100-sxm --llm llama2-7b --workload chat --batch 8 --tp 1 --weights fp8
estimate --chip groq-lpu-v1 --llm llama2-70b --workload article --set 'sram=300 MB' --format json
estimate --chip h100-sxm --llm mixtral-8x7b --workload chat --ep 8 --tp 8 --kv fp8 --serving chunked
chip h100-sxm --set 'hbm_bandwidth=5 TB/s' --format json
chip groq-lpu-v1 --format csv
catalog chips --format json
catalog llms llama2-7b
schema chip
check nowhere.yaml
import config.json --name mine
new chip mine
front 0001-groq-vs-h100 --no-intervals --where 'tpot<=10 ms and tp=8' --format csv
front 0001-groq-vs-h100 --no-intervals --where 'chip=h100-sxm, batch>=32'
validate published --by chip --quality A
run no-such-study --trials 100 --workers 2 --timeout '5 s'
sweep no-such-study --grid sram=33,peak_flops=17 --backend numpy
compare h100-sxm no-such-chip --llm llama2-7b --workload chat --targets '5 ms,20 ms'
explain no-such-study row:1
propose no-such-study --tpot '5 ms'
breakeven no-such-study --x hbm_cost
plot no-such-study front
report no-such-study
""".strip().splitlines()
)
"""Options of long verbs are parsed before their study is looked for."""


def command_line(draw: random.Random, folder: Path) -> list[str]:
    """A sound line after one to three changes; what it may write lies in `folder`."""
    words = list(draw.choice(SOUND))
    for _ in range(draw.choice((1, 1, 2, 3))):
        _change(draw, words)
    # no word makes it a verb that serves for ever, or one that writes elsewhere
    words = [w.replace("\0", "") for w in words]
    if words[0] == "front":  # samples of uncertain inputs take seconds
        words = [w for w in words if w != "--no-intervals"] + ["--no-intervals"]
    if words[0] == "new":
        words += ["--configs", str(folder / "configs")]
    return words


def _change(draw: random.Random, words: list[str]) -> None:
    at = draw.randrange(1, len(words)) if len(words) > 1 else 0
    strange = str(draw.choice((*TEXTS, *QUANTITIES, *NUMBERS)))
    kind = draw.randrange(7)
    if kind == 0:
        del words[at : at + 1]
    elif kind == 1:
        words.insert(at, words[at] if at < len(words) else strange)
    elif kind == 2:
        words += words[at : at + 2]
    elif kind == 3 and at < len(words):
        name, equals, _ = words[at].partition("=")
        words[at] = name + equals + strange
    elif kind == 4:
        words.insert(at, "--" + strange)
    elif at:
        words[at] = strange
    if not words:
        words.append("catalog")
