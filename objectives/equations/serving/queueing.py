"""How requests share a replica."""

from objectives.arrays import Array, namespace


def stalled(stay_s: Array, alone_s: Array, osl: Array) -> Array:
    """Time that each output token waits for the prompts of others [s].

    (stay - alone) / OSL: the time in the slot, less the request's own wait, prompt and steps.
    Limits: 0 for one user. Domain: a stay that is not below `alone_s`.
    """
    return (stay_s - alone_s) / osl


def throughput(batch: Array, tpot_s: Array, replicas: Array) -> Array:
    """Sustained output tokens a second of all replicas [token/s]: replicas x B / TPOT.

    Little's law: B slots give B tokens in the time that a slot is held for each token, which is TPOT where
    a slot does nothing but decode, and (time in the slot) / OSL where its prompt and its waits hold it too.
    """
    return replicas * batch / tpot_s


def wait_for_prompts(batch: Array, prefill_s: Array, burst: Array) -> Array:
    """Time that a prompt waits for the prompts of others before its own prefill [s].

    Of the B - 1 others a share `burst` arrives at the same moment, and half of those are served first:
    burst (B - 1) t_p / 2, with t_p the time on the slowest stage. Clients of a closed loop start together and
    drift apart; a burst of 0 has no queue at all, which is a bound.

    Limits: nothing for one user; half of the prompts of all others at most. Arrivals by chance (Poisson) wait
    for rho / (2 (1 - rho)) prompts in front of one stage (M/D/1, Kleinrock 1975, equation 5.64), less than
    this as long as t_p is below burst x OSL x t_step; the simulation in tests/simulation confirms both.
    Domain: below saturation. A queue by mean-value analysis (Reiser & Lavenberg 1980), where decode waits for
    every prompt, was tried and overstates the wait of engines that mix chunks of prompts into decode steps.
    """
    return burst * (batch - 1.0) * prefill_s / 2.0


def queue(waited_s: Array, step_s: Array) -> Array:
    """Time from arrival to the start of a prompt [s]: half a step under way, then others' prompts.

    Limits: half a step for one user.
    """
    return step_s / 2.0 + waited_s


def tokens_after_first(osl: Array) -> Array:
    """Output tokens that a request waits TPOT for [token]: OSL - 1, not below 0."""
    if isinstance(osl, (int, float)):
        return max(osl - 1.0, 0.0)
    return namespace(osl).maximum(osl - 1.0, 0.0 * osl)


def prompt_share(batch: Array, step_s: Array, tokens_per_s: Array, replicas: Array) -> Array:
    """Share of the time of replicas that serve both that prompts take [1], in [0, 1].

    What steps of decode leave: 1 - X t_step / (replicas x B). Limits: 0 without prompts; where prompts are
    whole B t_p / (OSL t_step + B t_p), for one user too, whose own prompt stalls nobody.
    """
    share = 1.0 - step_s * tokens_per_s / (replicas * batch)
    return namespace(share).maximum(share, 0.0 * share)


def static_share(ttft_s: Array, tpot_s: Array, osl: Array) -> Array:
    """Share of the time of a static batch that its prompts take [1], in [0, 1]."""
    return ttft_s / (ttft_s + tokens_after_first(osl) * tpot_s)


def static_throughput(batch: Array, ttft_s: Array, tpot_s: Array, osl: Array, replicas: Array) -> Array:
    """Output tokens a second when a batch starts and ends together [token/s].

    B OSL / (TTFT + (OSL - 1) TPOT): nothing fills the places of the prompts. Limits: below B / TPOT.
    """
    return replicas * batch * osl / (ttft_s + tokens_after_first(osl) * tpot_s)


def shortfall(batch: Array, request_s: Array, token_s: Array, osl: Array) -> Array:
    """Time that each output token waits because something serves requests too slowly beside it [s].

    A replica starts B requests in the time of OSL tokens; where each takes `request_s` of a resource that
    works beside the steps, tokens come no faster than B request_s / OSL. Limits: 0 for a fast resource.
    """
    behind = batch * request_s / osl - token_s
    return namespace(behind).maximum(behind, 0.0 * behind)
