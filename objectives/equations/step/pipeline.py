"""Pipelines: micro-batches, the slowest stage, the turn that a token waits for, and prompts in its way."""

from dataclasses import dataclass

from objectives.arrays import Array, ceil_div, floor, maximum


@dataclass(frozen=True, kw_only=True)
class MicroBatches:
    """How the resident sequences are cut."""

    rows: Array
    """Sequences in one micro-batch [1]."""
    count: Array
    """Micro-batches in flight [1]; below PP the pipeline has bubbles."""


def micro_batches(batch: Array, pp: Array) -> MicroBatches:
    """As many micro-batches as stages, of equal size.

    rows = ceil(B / PP), count = ceil(B / rows).

    Args:
        batch: sequences B of a replica [1].
        pp: pipeline stages [1].

    Returns:
        Rows of a micro-batch and their count, shapes broadcast.

    Domain:
        Sequences are not split.

    Limits:
        rows x count >= B; count <= PP; one micro-batch of B for PP = 1.

    Source:
        GPipe, Huang et al. 2019 (arXiv 1811.06965), section 2.

    Examples:
        By hand: ten sequences on four stages are four micro-batches of three.

        >>> micro_batches(10.0, 4.0)
        MicroBatches(rows=3.0, count=4.0)
    """
    rows = ceil_div(batch, pp)
    return MicroBatches(rows=rows, count=ceil_div(batch, rows))


@dataclass(frozen=True, kw_only=True)
class PipelineTime:
    """Time of one full turn of the pipeline, and of one micro-batch on its way through it."""

    seconds: Array
    """From one token of a sequence to its next [s]."""
    latency_s: Array
    """Of one micro-batch through all stages [s]."""

    def wait_s(self) -> Array:
        """Time that a micro-batch waits for the slowest stage to serve the others [s]."""
        return self.seconds - self.latency_s


def slowest_stage(layers: int, pp: Array, layer_s: Array, head_s: Array, fixed_s: Array) -> Array:
    """Time that the slowest stage is occupied by one micro-batch [s].

    Stages hold ceil or floor of layers / PP, the larger ones first; the last holds the floor and the LM head:
    max(ceil layer, floor layer + head) + fixed.

    Args:
        layers: layers of the network [1].
        pp: pipeline stages [1].
        layer_s: time of one layer [s].
        head_s: time of the LM head [s].
        fixed_s: what every stage pays: its hop and its overhead [s].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        All layers take the time of the mean layer.

    Limits:
        All layers, the head and the overhead for PP = 1.

    Source:
        GPipe, Huang et al. 2019 (arXiv 1811.06965), section 2.

    Examples:
        By hand: 80 layers on 8 stages, 10 each; the last has the head, worth half a layer, as well.

        >>> slowest_stage(80, 8.0, 1.0, 0.5, 0.0)
        10.5
    """
    # the last stage holds the head, so it is one of those with fewer layers
    share = float(layers) / pp
    most, fewest = ceil_div(float(layers), pp), floor(share)
    return maximum(most * layer_s, fewest * layer_s + head_s) + fixed_s


def pipeline_time(latency_s: Array, stage_s: Array, count: Array) -> PipelineTime:
    """One token for every sequence: all stages once, or `count` visits to the slowest stage [s].

    max(latency, count x slowest stage).

    Args:
        latency_s: one micro-batch through all stages [s].
        stage_s: time that the slowest stage is occupied by it [s].
        count: micro-batches in flight [1].

    Returns:
        Time of a turn and the latency in it, shapes broadcast [s].

    Domain:
        Micro-batches follow each other in order; the token of a sequence needs its last one.

    Limits:
        The latency alone when `count` = 1; count x slowest stage when the pipeline is full; never less than
        either, so filling bubbles never costs time.

    Source:
        GPipe (arXiv 1811.06965) for stages and micro-batches; inference form as in Chiplet Cloud, Peng et al.
        2023 (arXiv 2307.02666).

    Examples:
        By hand: one micro-batch on four equal stages of 1 s leaves three of four idle: a turn of 4 s, as four
        micro-batches take.

        >>> pipeline_time(4.0, 1.0, 1.0).seconds, pipeline_time(4.0, 1.0, 4.0).seconds
        (4.0, 4.0)
    """
    return PipelineTime(seconds=maximum(latency_s, count * stage_s), latency_s=latency_s)


def turns_behind_prompts(
    batch: Array, count: Array, turns: Array, turn_s: Array, prompt_stage_s: Array, prompt_latency_s: Array
) -> Array:
    """Time of a request whose whole prompt and then `turns` turns of decode pass the stages in line [s].

    Every stage serves prompts and micro-batches in the order in which they come, one at a time. Nothing
    overtakes: what follows a prompt of stage time p crawls behind it through all stages, a latency of W, and
    so do the prompts that start meanwhile. With B sequences in m micro-batches and G turns of t seconds one
    pass starts some prompts with the chance q = 1 - (1 - 1/G)^(B/m). From one prompt that leads to the next
    m - 1 passes crawl behind the first, and 1/q more pass freely:

        J = max(W + p n, p + (m - 1)(t/m + B p/(m G))), n = (B/(m G)) (1 - (1 - q)^(m - 1)) / q
        G (m q J + (B/G - m q) p + t) / (1 + (m - 1) q)

    The first term of J is the latency with the n prompts passed behind it, the second that of stages that are
    busy all the time.

    Args:
        batch: sequences B of a replica [1].
        count: micro-batches m in flight [1].
        turns: turns G of decode of a request [1].
        turn_s: time t of a turn of decode alone [s].
        prompt_stage_s: time p of a prompt on the slowest stage [s].
        prompt_latency_s: time W of a prompt through all stages [s].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Output lengths are random (geometric), slots never stay empty. An event simulation of the same line
        agrees within 5 % on throughput and TPOT for PP 1 to 80 and B 1 to 512, and within 8 % where both
        terms of J are equal.

    Limits:
        G t + B p for one stage, the published aggregate throughput; G t + W for one sequence; G t for prompts
        that take no time. Never below G t + B p, where prompts and decode share the slowest stage.

    Source:
        tests/simulation; that stages idle behind whole prompts is shown by Agrawal et al., Sarathi-Serve,
        OSDI 2024 (arXiv 2403.02310), figure 4.

    Examples:
        By hand: 16 sequences on one stage, 100 turns of 20 ms and 16 prompts of 50 ms.

        >>> round(turns_behind_prompts(16.0, 1.0, 100.0, 0.02, 0.05, 0.05), 9)
        2.8
    """
    each = batch / (count * turns)  # prompts that one pass starts
    # a draft can give more tokens than a request wants, so that G may be below 1
    stays = maximum(1.0 - 1.0 / turns, 0.0) ** (batch / count)
    starts, others = 1.0 - stays, count - 1.0
    # a geometric sum over the m - 1 passes behind the first prompt
    passed = each * (1.0 - stays**others) / starts
    crawled = prompt_latency_s + passed * prompt_stage_s
    busy = prompt_stage_s + others * (turn_s / count + each * prompt_stage_s)
    share = count * starts
    # renewal reward: time from one prompt that leads to the next, over the passes between them
    every = share * maximum(crawled, busy) + (batch / turns - share) * prompt_stage_s + turn_s
    return every * (turns / (1.0 + others * starts))


def turn_with_chunks(
    turn_s: Array, count: Array, share: Array, run: Array, mixed_stage_s: Array, mixed_latency_s: Array
) -> Array:
    """One turn where a share of the passes carries a chunk of a prompt, some passes in a row [s].

    A pass that carries a chunk takes W' through all stages and x on one, or t/m where that is longer, since
    passes of a pipeline with bubbles follow their own tokens; the m - 1 after it crawl behind. With f the
    share and l the chunks of a prompt, of one run and the passes up to the next:

        m (f ((l - 1) x + J) + (1 - f) l t/m) / (f (l - 1 + m) + (1 - f) l),
        J = max(W', m (f x + (1 - f) t/m)).

    Args:
        turn_s: time t of a turn of decode alone [s].
        count: micro-batches m in flight [1].
        share: share f of the passes that carry a chunk [1].
        run: passes l in a row that carry the chunks of one prompt [1].
        mixed_stage_s: time x of such a pass on the slowest stage [s].
        mixed_latency_s: time W' of such a pass through all stages [s].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Prompts start at random; slots never stay empty. The simulation agrees within 5 % where up to 40 % of
        the passes carry a chunk; beyond, prompts also queue for one, which `queueing.wait_for_prompts`
        covers.

    Limits:
        t without chunks, and never less; max(W', m x) where every pass carries one of a whole prompt;
        f x + (1 - f) t for one stage.

    Source:
        tests/simulation; chunks in steps of decode: Agrawal et al., Sarathi-Serve, OSDI 2024
        (arXiv 2403.02310).

    Examples:
        By hand: on one stage a quarter of the steps takes 40 ms instead of 20 ms.

        >>> turn_with_chunks(0.02, 1.0, 0.25, 1.0, 0.04, 0.04)
        0.025
    """
    plain, rest, more = turn_s / count, (1.0 - share) * run, run - 1.0
    each = maximum(mixed_stage_s, plain)
    # J: a chunk through all stages, or a turn of a slowest stage that never idles
    lead = maximum(mixed_latency_s, count * (share * each + (1.0 - share) * plain))
    passes = share * (more + count) + rest
    return (share * (more * each + lead) + rest * plain) * (count / passes)
