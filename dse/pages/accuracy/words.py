"""The sentences of the page; its numbers are those of the tables and of the code that they name."""

from typing import Final

from dse.calibrate.parameters import PARAMETERS, SHIFT
from dse.calibrate.pool import FEWEST_ENGINES

_SHARED: Final = sum(p.shared for p in PARAMETERS.values())

INTRODUCTION: Final = f"""# Accuracy

This page compares the cost model `roofline` with published measurements. The command
`python -m dse.pages.accuracy dse/docs` writes it, in about four minutes. The measurements are in
`configs/measurements/published.csv`; their README defines each metric. Rows of quality A and B count, unless
a table says otherwise. An error is predicted / measured - 1; the speed of a user counts as TPOT. "Median" and
"p90" are percentiles of its absolute value, "bias" is its median. "Inside" is the share of rows within the
80 % interval that `dse validate` prints for them.

The tables of rows left out matter most: all stacks and architectures are fitted again without a chip, an LLM,
a source or an engine, and compared with its rows.

![Predicted against measured, by stack](accuracy.png)

![Errors of TPOT by batch, fitted and with the LLM left out](accuracy-batch.png)

## How stacks are fitted

A stack is an engine on a GPU architecture. A file of `configs/stacks` with `estimate: calibrated` holds
{len(PARAMETERS)} numbers of an engine, each with a physical meaning. A file of `configs/architectures` holds
factors on {_SHARED} of them, which every engine has on chips of that architecture; the others are times of a
host, of requests and of their arrival, which no chip changes. There is no number per LLM, per chip or per
batch.

- **Engine and architecture add up.** A share is fitted as its log-odds, everything else as its logarithm. On
  that line a number is the centre of all engines, plus the engine, plus the architecture. A pair without any
  row is their sum; an unknown engine is the centre, `gpu-serving`, on whatever architecture.
- **Priors.** The prior of an engine is the centre, as wide as low to high of the published derates
  (`gpu-published`); that of the centre is these derates themselves; that of an architecture is no factor,
  {SHIFT:g} as wide as that of an engine. An architecture has factors only if {FEWEST_ENGINES} engines were
  measured on it: what one engine shows alone may as well be its own. Few rows therefore leave a number near
  the centre, and every number stays in its physical range.
- **Chips that are no GPUs.** `systolic-serving` is half of the way from the centre to the one engine on
  systolic chips that published its numbers. Dataflow chips have stacks of their own, see below.
- **Not fitted.** `overlap` (the share of an all-to-all behind a second micro-batch) and `window_kept` (KV
  cache that an engine keeps beyond a window of attention) are numbers of a stack that a user may set. No row
  determines them, and the fitted stacks leave them out.

What the cost model counts, and no fit replaces:

- **Kernels of a layer** (`objectives/equations/llm/launches.py`): times of a layer are multiplied by the
  number of kernels over that of attention by heads with an FFN. Latent attention, routed and shared experts
  have more.
- **Formats with a scale for each block** (mxfp4, nvfp4) are widened to 16 bits on chips without fp4, as
  engines do on Hopper.
- **Experts**: grouped products reach a share of their own of the bandwidth of one large product
  (`expert_efficiency`), all-to-alls a share of their own of the links (`all_to_all_efficiency`), the core of
  attention in decode a share of its own of the peak (`decode_core_efficiency`). Sums travel in 16 bits.
- **Replicas that share experts step together**, so all of them wait for the one with the longest contexts
  (`longest_over_mean` in `objectives/equations/llm/expert_parallel.py`).
- **Medians in closed loops** do not contain the burst in which clients start: only the first request of each
  client is in it.
"""

INTERVALS: Final = """Share of the rows left out that are inside the interval which such a row gets, and how
many there are. It is the interval of the stack as it would be written without these rows: a chip that is left
out is unknown to it, so the wider one of stack and class holds; an LLM that is left out is unknown, which
comes on top as an error of its own, as routed experts and replicas that share them do; an engine that is left
out has the interval of the class of its chip. "DEP" are replicas that share experts (EP > TP).
"""

AIMS: Final = """
Some aims are beyond what the rows can say:

- **MI300X is the only chip of CDNA 3 that was measured**, and half of its rows are of one LLM and one source.
  Without these few rows are left to say what the architecture does, without the chip none. An MI325X has the
  factors of MI300X.
- **An engine left out** is the centre of all others. Two engines in one setting are apart by more than most
  aims (next section).
- **TTFT at a concurrency**: measurements of one setting and one engine are further apart than the aim (next
  section). The rows do not decide between forms of the queue.
"""

FLOOR: Final = """## How near a prediction can be

Pairs of published measurements (`published-full.csv.gz`) that agree in chip, LLM, format of weights, layout,
batch and lengths: the larger over the smaller - 1. No prediction is nearer to both than about half of that.
Pairs of one engine differ in its release, in their source, or in that one is a mean and the other a median,
which few tables say of TTFT. Pairs of two engines show what is left to chance where the engine is unknown.

"""

PEERS: Final = """## The same rows under other models

AIConfigurator interpolates measured kernels of TensorRT-LLM, vLLM and SGLang on NVIDIA chips
(`dse/pages/accuracy/aiconfigurator.csv`: version 0.12.0, run on 2026-12-01 with the lengths, layout, batch,
weights and KV format of each row, all else as its defaults are). It has the kernels of one release of each
engine and no fit to whole engines; it publishes a part of these rows itself. 35 of 896 rows that it refuses,
most because they would not fit, are not in the table. Median and p90 of each:

"""
BASELINES: Final = """
All rows, predicted without any fit: `ideal` has no losses, as tools have that divide bytes by bandwidth and
FLOP by the peak; `gpu-published` has the derates of published kernels and no more.

"""
PEERS_LINK: Final = """
[What other cost models say](peers.md) compares ten tools with `roofline` and with the limits of physics on
one question.
"""

WRONG: Final = """## What is still wrong

Predicted over measured: below 1 a time is predicted too short or a rate too low.

"""
NOT_MODELLED: Final = """
No row of that table shows the following:

- **Odd groups of query heads**: Falcon-180B has 29 query heads for each KV head. TensorRT-LLM of 2023 did
  its attention on CUDA cores, not on matrix units, which is not modelled: predictions are too fast at large
  batches.
- **Ascend 910B and mixtures on Gaudi**: there is no row to calibrate them. They use `systolic-serving`, whose
  one engine is that of another vendor.
- **Prefill of a fixed batch** (TTFT by engine, above) misses its aim through llama.cpp, Neuron and vLLM of
  2023, each with kernels that one efficiency for all shapes and cards does not follow: llama.cpp adds up in
  fp16 on GeForce cards, at twice the peak that their files give, and Neuron pads prompts to buckets.
- **Routing** is taken as uniform.
- **Offline throughput with an unstated batch**: the scheduler's own limits on sequences and tokens decide,
  and are seldom published.
- Tables state lengths as means; real traffic varies.

### Forms that were tried

"""
FORMS: Final = (
    (
        "attention in decode in whole tiles of the matrix unit: 16 rows with grouped heads, 64 with latent "
        "attention",
        "no gain on any grouping",
    ),
    ("an efficiency of grouped products on arithmetic as well as on bandwidth", "no gain"),
    ("a stack for each vendor and engine", "no gain: a pair has too few rows"),
    ("a ramp of rows per matrix (tile quantisation) in prompts", "no gain"),
    ("a queue by mean-value analysis in place of `burst`", "worse on every grouping"),
    (
        "factors of architectures 0, 0.5 or 0.8 as wide as those of engines",
        "0.5 is used: from 0 to 0.5 the median of TPOT without the chip fell from 12.1 to 10.9 %, the mean "
        "error as a logarithm from 0.188 to 0.178",
    ),
)
"""Form and what it gained on rows left out, when it was tried."""

LIMITS: Final = """## Limits

- Fitted rows are of 2023 to 2026. Engines change from release to release: a stack holds for its era, and
  releases inside one stack differ by tens of per cent.
- Most rows are of five NVIDIA chips. AMD chips have two architectures and few engines; AWS and Apple chips
  have one or two sources each; there is none of TPUs, Gaudi or Ascend, which use `systolic-serving`.
- On a chip that a stack was not fitted to, its interval is at least that of the class, and estimates say
  so.
- Of chips with all weights in SRAM no published row states everything: see Dataflow chips.
- Two laboratories with the same engine on the same chip differ by about 10 % (README of the
  measurements).
"""

DATAFLOW: Final = """## Dataflow chips

`dse validate dataflow` shows every row. Each vendor writes its own compiler and published few rows, some of
whose columns are not stated; `configs/measurements/dataflow.csv` says which are assumed here and why. The
prior of a vendor's stack is the family `static-dataflow`, that of the family is `dataflow-published`, with
nine numbers each. The error of the family fitted without the vendor matters most: chips of unmeasured
vendors and hypothetical chips use the family. Speeds are per user; the interval is that of the family.

"""
