"""Pipelines: micro-batches, the slowest stage, the turn that a token waits for, and prompts in its way."""

from dataclasses import dataclass

from objectives.arrays import Array, ceil_div, namespace


@dataclass(frozen=True, kw_only=True)
class MicroBatches:
    """How the resident sequences are cut."""

    rows: Array
    """Sequences in one micro-batch [1]."""
    count: Array
    """Micro-batches in flight [1]; below PP the pipeline has bubbles."""


def micro_batches(batch: Array, pp: Array) -> MicroBatches:
    """As many micro-batches as stages, of equal size: rows = ceil(B/PP), count = ceil(B/rows).

    Limits: rows x count >= B; count <= PP; one micro-batch of B for PP = 1.
    """
    rows = ceil_div(batch, pp)
    return MicroBatches(rows=rows, count=ceil_div(batch, rows))


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Time of one full turn of the pipeline [s], and of the walk of one micro-batch through it."""

    seconds: Array
    walk: Array

    def wait(self) -> Array:
        """Time that a micro-batch waits for the slowest stage to serve the others [s]."""
        return self.seconds - self.walk


def slowest_stage(layers: int, pp: Array, layer_s: Array, head_s: Array, fixed_s: Array) -> Array:
    """Time that the slowest stage is occupied by one micro-batch [s].

    Stages hold ceil or floor of layers/PP, the larger ones first; the last holds the floor and the LM head.
    `fixed_s` is what every stage pays: its hop and its overhead. Limits: the whole walk for PP = 1.
    """
    xp = namespace(layer_s, pp)
    share = float(layers) / pp
    most, fewest = xp.ceil(share), xp.floor(share)
    return xp.maximum(most * layer_s, fewest * layer_s + head_s) + fixed_s


def turn(walk_s: Array, stage_s: Array, count: Array) -> Turn:
    """One token for every sequence: max(a walk through all stages, `count` visits to the slowest stage).

    Limits: the walk alone when `count` = 1; count x slowest stage when the pipeline is full; never less than
    either, so filling bubbles never costs time.

    Source: GPipe (Huang et al. 2019, arXiv 1811.06965) for stages and micro-batches; inference form as in
    Chiplet Cloud (Peng et al. 2023, arXiv 2307.02666).
    """
    seconds = namespace(walk_s, stage_s).maximum(walk_s, count * stage_s)
    return Turn(seconds=seconds, walk=walk_s)


def turns_behind_prompts(
    batch: Array, count: Array, turns: Array, turn_s: Array, prompt_stage_s: Array, prompt_walk_s: Array
) -> Array:
    """Time of a request whose whole prompt and then `turns` turns of decode pass the stages in line [s].

    Every stage serves prompts and micro-batches in the order in which they come, one at a time. Nothing
    overtakes: what follows a prompt of stage time p crawls behind it through all stages, a walk of W, and so
    do the prompts that start meanwhile. With B sequences in m micro-batches and G turns of t seconds one pass
    starts some prompts with the chance q = 1 - (1 - 1/G)^(B/m). From one prompt that leads to
    the next m - 1 passes crawl behind the first, and 1/q more pass freely:

    J = max(W + p n, p + (m - 1)(t/m + B p/(m G))), n = (B/(m G)) (1 - (1 - q)^(m - 1)) / q
    G (m q J + (B/G - m q) p + t) / (1 + (m - 1) q)

    The first term of J is the walk with the n prompts passed behind it, the second that of stages that are
    busy all the time. Domain: output lengths are random (geometric), slots never stay empty. An event
    simulation of the same line agrees within 5 % on throughput and TPOT for PP 1 to 80 and B 1 to 512, and
    within 8 % where both terms of J are equal.

    Limits: G t + B p for one stage, the published aggregate throughput; G t + W for one sequence; G t for
    prompts that take no time. Never below G t + B p, where prompts and decode share the slowest stage.

    Source: tests/simulation; that stages idle behind whole prompts is shown by Agrawal et al., Sarathi-Serve,
    OSDI 2024 (arXiv 2403.02310), figure 4.
    """
    xp = namespace(batch, count)
    each = batch / (count * turns)  # prompts that one pass starts
    stays = xp.maximum(1.0 - 1.0 / turns + 0.0 * count, 0.0 * count) ** (batch / count)
    starts, others = 1.0 - stays, count - 1.0
    passed = each * (1.0 - stays**others) / starts
    walked = prompt_walk_s + passed * prompt_stage_s
    busy = prompt_stage_s + others * (turn_s / count + each * prompt_stage_s)
    lead = namespace(walked, busy).maximum(walked, busy)
    share = count * starts
    every = share * lead + (batch / turns - share) * prompt_stage_s + turn_s
    return every * (turns / (1.0 + others * starts))


def turn_with_chunks(
    turn_s: Array, count: Array, share: Array, run: Array, mixed_stage_s: Array, mixed_walk_s: Array
) -> Array:
    """One turn where a `share` of the passes carries a chunk of a prompt, `run` passes in a row [s].

    A pass that carries a chunk walks for W' and takes x on a stage, or t/m where that is longer, since passes
    of a pipeline with bubbles follow their own tokens; the m - 1 after it crawl behind. With f the share and
    l the chunks of a prompt, of one run and the passes up to the next:
    m (f ((l - 1) x + J) + (1 - f) l t/m) / (f (l - 1 + m) + (1 - f) l), J = max(W', m (f x + (1 - f) t/m)).
    Domain: prompts start at random; slots never stay empty. The simulation agrees within 5 % where up to 40 %
    of the passes carry a chunk; beyond, prompts also queue for one, which `wait_for_prompts` stands for.

    Limits: t without chunks, and never less; max(W', m x) where every pass carries one of a whole prompt;
    f x + (1 - f) t for one stage.
    """
    xp = namespace(turn_s, mixed_walk_s)
    plain, rest, more = turn_s / count, (1.0 - share) * run, run - 1.0
    each = xp.maximum(mixed_stage_s, plain)
    lead = xp.maximum(mixed_walk_s, count * (share * each + (1.0 - share) * plain))
    passes = share * (more + count) + rest
    return (share * (more * each + lead) + rest * plain) * (count / passes)
