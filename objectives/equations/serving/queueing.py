"""Queueing formulas that serving modes share: waits, throughput, shares of time.

Symbols: B sequences of a replica, ISL and OSL prompt and output tokens of a request.
"""

from objectives.arrays import Array, maximum


def stalled(stay_s: Array, alone_s: Array, osl: Array) -> Array:
    """Time that each output token waits for the prompts of others [s].

    (stay - alone) / OSL: the time in the slot, less the request's own wait, prompt and steps.

    Args:
        stay_s: time of a request in its slot [s].
        alone_s: its own wait, prompt and steps [s].
        osl: output tokens [token].

    Returns:
        Seconds a token, shapes broadcast [s].

    Domain:
        A stay that is not below `alone_s`.

    Limits:
        0 for one user.

    Source:
        By definition.

    Examples:
        By hand: 100 tokens in 2.8 s that take 2.05 s alone.

        >>> round(stalled(2.8, 2.05, 100.0), 6)
        0.0075
    """
    return (stay_s - alone_s) / osl


def throughput(batch: Array, tpot_s: Array, replicas: Array) -> Array:
    """Sustained output tokens a second of all replicas [token/s].

    replicas x B / TPOT, Little's law: B slots give B tokens in the time that a slot is held for each token,
    which is TPOT where a slot does nothing but decode, and (time in the slot) / OSL where its prompt and its
    waits hold it too.

    Args:
        batch: sequences B of a replica [1].
        tpot_s: time that a slot is held for each token [s].
        replicas: replicas [replica].

    Returns:
        Tokens a second, shapes broadcast [token/s].

    Domain:
        Slots never stay empty.

    Limits:
        Linear in slots; 1 / TPOT for one.

    Source:
        Little, Operations Research 9 (1961).

    Examples:
        By hand: 20 slots that are each held for 0.5 s a token give 40 tokens a second.

        >>> throughput(20.0, 0.5, 1.0)
        40.0
    """
    return replicas * batch / tpot_s


def wait_for_prompts(batch: Array, prefill_s: Array, burst: Array) -> Array:
    """Time that a prompt waits for the prompts of others before its own prefill [s].

    Of the B - 1 others a share `burst` arrives at the same moment, and half of those are served first:
    burst (B - 1) t_p / 2, with t_p the time on the slowest stage. Clients of a closed loop start together and
    drift apart; a burst of 0 has no queue at all, which is a bound.

    Args:
        batch: sequences B of a replica [1].
        prefill_s: time t_p of a prompt on the slowest stage [s].
        burst: share of the requests in flight that arrive together [1].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Below saturation. A queue by mean-value analysis (Reiser & Lavenberg 1980), where decode waits for
        every prompt, was tried and overstates the wait of engines that mix chunks of prompts into decode
        steps.

    Limits:
        Nothing for one user; half of the prompts of all others at most. Arrivals by chance (Poisson) wait for
        rho / (2 (1 - rho)) prompts in front of one stage (M/D/1, Kleinrock 1975, equation 5.64), less than
        this as long as t_p is below burst x OSL x t_step.

    Source:
        The mean over positions in a batch; tests/simulation confirms it.

    Examples:
        By hand: five prompts of 100 ms at once wait for two of them on average.

        >>> wait_for_prompts(5.0, 0.1, 1.0)
        0.2
    """
    return burst * (batch - 1.0) * prefill_s / 2.0


def queue(waited_s: Array, step_s: Array) -> Array:
    """Time from arrival to the start of a prompt [s]: half a step under way, then others' prompts.

    t_step / 2 + wait.

    Args:
        waited_s: wait for the prompts of others [s].
        step_s: a step of decode [s].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        Arrivals at any moment of a step with equal chance.

    Limits:
        Half a step for one user.

    Source:
        Mean residual life of a constant interval, Kleinrock, Queueing Systems I (1975), section 5.2.

    Examples:
        By hand: half of 20 ms, and 200 ms.

        >>> round(queue(0.2, 0.02), 9)
        0.21
    """
    return step_s / 2.0 + waited_s


def tokens_after_first(osl: Array, first: Array = 1.0) -> Array:
    """Output tokens that a request waits TPOT for [token].

    OSL - 1, not below 0; without all that come together at first.

    Args:
        osl: output tokens [token].
        first: tokens that come together at the end of TTFT, see `diffusion.first_tokens` [token].

    Returns:
        Tokens, shapes broadcast [token].

    Domain:
        The first token comes with the prompt, a first block after it.

    Limits:
        0 for a single token or block.

    Source:
        TPOT as in MLPerf Inference and NVIDIA GenAI-Perf: (end to end - TTFT) / (OSL - 1).

    Examples:
        By hand:

        >>> tokens_after_first(128.0)
        127.0
    """
    return maximum(osl - first, 0.0)


def prompt_share(batch: Array, step_s: Array, tokens_per_s: Array, replicas: Array) -> Array:
    """Share of the time of replicas that serve both that prompts take [1], in [0, 1].

    What steps of decode leave: 1 - X t_step / (replicas x B).

    Args:
        batch: sequences B of a replica [1].
        step_s: a step of decode for each token [s].
        tokens_per_s: throughput X [token/s].
        replicas: replicas [replica].

    Returns:
        Share, shapes broadcast [1].

    Domain:
        Slots never stay empty.

    Limits:
        0 without prompts; where prompts are whole B t_p / (OSL t_step + B t_p), for one user too, whose own
        prompt stalls no other.

    Source:
        Little, Operations Research 9 (1961).

    Examples:
        By hand: 16 slots that give 640 token/s in steps of 20 ms are in decode for 80 % of the time.

        >>> round(prompt_share(16.0, 0.02, 640.0, 1.0), 9)
        0.2
    """
    # a slot is held for a step at least: below 0 is rounding
    return maximum(1.0 - step_s * tokens_per_s / (replicas * batch), 0.0)


def static_share(ttft_s: Array, tpot_s: Array, osl: Array, first: Array = 1.0, block_s: Array = 0.0) -> Array:
    """Share of the time of a static batch that its prompts take [1], in [0, 1].

    TTFT / (TTFT + (OSL - 1) TPOT); what TTFT has of a first block is no time of prompts.

    Args:
        ttft_s: time to first token [s].
        tpot_s: time per output token [s].
        osl: output tokens [token].
        first: tokens that come together at the end of TTFT [token].
        block_s: time of the first block in TTFT [s].

    Returns:
        Share, shapes broadcast [1].

    Domain:
        A batch that starts and ends together.

    Limits:
        1 for a single output token.

    Source:
        By definition.

    Examples:
        By hand: 1 s of prompts and 100 steps of 10 ms.

        >>> static_share(1.0, 0.01, 101.0)
        0.5
    """
    return (ttft_s - block_s) / (ttft_s + tokens_after_first(osl, first) * tpot_s)


def static_throughput(
    batch: Array, ttft_s: Array, tpot_s: Array, osl: Array, replicas: Array, first: Array = 1.0
) -> Array:
    """Output tokens a second when a batch starts and ends together [token/s].

    replicas B OSL / (TTFT + (OSL - 1) TPOT): nothing fills the places of the prompts.

    Args:
        batch: sequences B of a replica [1].
        ttft_s: time to first token [s].
        tpot_s: time per output token [s].
        osl: output tokens [token].
        replicas: replicas [replica].
        first: tokens that come together at the end of TTFT [token].

    Returns:
        Tokens a second, shapes broadcast [token/s].

    Domain:
        All requests have one length.

    Limits:
        Below B / TPOT; B / TTFT for a single token.

    Source:
        Static batching as in Orca, Yu et al., OSDI 2022, section 2.

    Examples:
        By hand: 16 sequences of 101 tokens in 2 s.

        >>> static_throughput(16.0, 1.0, 0.01, 101.0, 1.0)
        808.0
    """
    return replicas * batch * osl / (ttft_s + tokens_after_first(osl, first) * tpot_s)


def shortfall(batch: Array, request_s: Array, token_s: Array, osl: Array) -> Array:
    """Time that each output token waits because a resource next to the steps serves requests too slowly [s].

    A replica starts B requests in the time of OSL tokens; where each takes `request_s` of a resource that
    works next to the steps, tokens come no faster than B request_s / OSL.

    Args:
        batch: sequences B of a replica [1].
        request_s: time of the resource for one request [s].
        token_s: time for a token without this wait [s].
        osl: output tokens [token].

    Returns:
        Seconds a token, shapes broadcast [s].

    Domain:
        One resource that serves requests one after the other.

    Limits:
        0 for a fast resource.

    Source:
        Bottleneck law, Lazowska et al., Quantitative System Performance (1984), section 5.2.

    Examples:
        By hand: 16 requests of 0.5 s for 100 tokens take 80 ms a token; steps take 20 ms.

        >>> shortfall(16.0, 0.5, 0.02, 100.0)
        0.06
    """
    return maximum(batch * request_s / osl - token_s, 0.0)
