"""Which splits of a system there are, and what designs of several pools come to."""

from collections.abc import Sequence
from typing import Final

from objectives.api import Context, Designs, Pool, PoolLink
from objectives.arrays import Array, ones_like
from objectives.equations.llm.parts import attention_part, ffn_part
from objectives.equations.serving.disaggregated import Disaggregated
from objectives.equations.serving.queueing import throughput
from objectives.equations.step.prefix_cache import kept_elsewhere
from objectives.systems.attention_ffn import prompt_alone, split_side
from objectives.systems.decode_side import DecodeSide, stored, whole_side
from objectives.systems.draft_verify import draft_problem, drafted_side, stored_by_both, verified_prompt
from objectives.systems.prefill_decode import prefill_decode
from objectives.systems.result import SystemResult

SPLITS: Final = (
    ("prefill", "decode"),
    ("attention", "ffn"),
    ("draft", "verify"),
    ("prefill", "attention", "ffn"),
)
"""Roles that make a system, in the order in which pages name them."""

ROLES: Final = ("prefill", "decode", "attention", "ffn", "draft", "verify")
"""Roles of pools, in the order in which pages name them."""

SERVING: Final = {True: "disaggregated", False: "decode-only"}
"""Serving mode of a split, by whether a pool of it prefills."""


def keeper(roles: Sequence[str]) -> str:
    """The pool in whose memory prefixes are kept, where a further memory of its chips does so.

    Args:
        roles: roles of the pools of a system.

    Returns:
        The pool that prefills, else the one that has the KV cache; of draft and verify, which both have some,
        the one that verifies.

    Domain:
        As `SPLITS`.

    Limits:
        None.

    Source:
        By definition: prompts run there.

    Examples:
        >>> keeper(["prefill", "decode"]), keeper(["attention", "ffn"])
        ('prefill', 'attention')
    """
    return next(role for role in ("prefill", "attention", "verify") if role in roles)


def roles_problem(roles: tuple[str, ...]) -> str:
    """Why pools of some roles make no system; the empty string where they do.

    Args:
        roles: roles in any order.

    Returns:
        A sentence.

    Domain:
        Systems of several pools.

    Limits:
        None.

    Source:
        `SPLITS`.

    Examples:
        >>> roles_problem(("decode", "prefill"))
        ''
        >>> roles_problem(("prefill", "ffn")).split(", got ")[1]
        'prefill, ffn'
    """
    if any(sorted(split) == sorted(roles) for split in SPLITS):
        return ""
    known = "prefill and decode, attention and ffn, draft and verify, or prefill, attention and ffn"
    return f"expected pools {known}, got {', '.join(roles)}"


def serving_problem(roles: tuple[str, ...], serving: str) -> str:
    """Why a workload of a serving mode cannot be served so; the empty string where it can.

    Args:
        roles: roles of the pools.
        serving: serving mode of the workload.

    Returns:
        A sentence.

    Domain:
        Systems of several pools.

    Limits:
        None.

    Source:
        By definition: a pool that prefills is what `disaggregated` means.

    Examples:
        >>> serving_problem(("prefill", "decode"), "disaggregated")
        ''
        >>> serving_problem(("attention", "ffn"), "chunked")
        'serving: expected decode-only for pools attention and ffn, got chunked'
    """
    wanted = SERVING["prefill" in roles]
    if serving == wanted:
        return ""
    return f"serving: expected {wanted} for pools {' and '.join(roles)}, got {serving}"


def llm_problem(roles: tuple[str, ...], context: Context) -> str:
    """Why an LLM, or its draft, cannot be split so; the empty string where it can.

    Args:
        roles: roles of the pools.
        context: network and workload.

    Returns:
        A sentence.

    Domain:
        Systems of several pools.

    Limits:
        None for pools that each have all layers and no draft LLM.

    Source:
        By definition: a pool without layers does nothing. Only pools draft and verify split steps that check
        drafts, see `draft_problem`.

    Examples:
        By hand, in tests/systems/test_pool_inputs.py.
    """
    if (blocks := context.workload.diffusion) is not None and {"verify", "ffn"} & {*roles}:
        wanted = "diffusion: expected none, or pools prefill and decode,"
        return f"{wanted} got blocks of {blocks.block} and pools {' and '.join(roles)}"
    if "verify" in roles:
        return draft_problem(context)
    draft = context.workload.speculation
    if draft is not None and draft.llm is not None:
        return f"speculation.llm: expected pools draft and verify with it, got pools {' and '.join(roles)}"
    if "ffn" not in roles:
        return ""
    parts = {"attention": attention_part, "FFN or experts": ffn_part}
    for part, cut in parts.items():
        if not cut(context.llm).blocks:
            return f"llm: expected layers with {part} for pools {' and '.join(roles)}, got {context.llm.name}"
    if draft is not None:
        return f"speculation: expected none for pools {' and '.join(roles)}, got drafts of {draft.length}"
    return ""


def _problem(roles: tuple[str, ...], context: Context) -> str:
    """The first reason why pools of some roles do not work so; the empty string where they do."""
    work = context.workload
    found = roles_problem(roles) or serving_problem(roles, work.serving)
    if not found and "prefill" in roles:
        found = Disaggregated().missing(work)
    return found or llm_problem(roles, context)


def system(designs: Designs, context: Context) -> SystemResult:
    """What designs of several pools come to.

    Args:
        designs: pools with a link between them.
        context: network, formats and workload.

    Returns:
        Seconds, tokens, bytes and uses of every pool.

    Raises:
        ValueError: for roles that make no system, for pools without a link, and for a workload or an LLM that
            the pools cannot serve.

    Domain:
        As the splits.

    Limits:
        None.

    Source:
        `prefill_decode`, `attention_ffn`, `draft_verify`.

    Examples:
        By hand, in tests/systems.
    """
    roles = designs.roles
    if problem := _problem(roles, context):
        raise ValueError(problem)
    if designs.link is None:
        raise ValueError(f"link: expected the network between pools {' and '.join(roles)}, got none")
    link = designs.link
    if "verify" in roles:
        return _drafted(designs.pool("draft"), designs.pool("verify"), link, context)
    # a pool that prefills keeps the prefixes, else the one with the KV cache does
    decoding = kept_elsewhere(context) if keeper(roles) == "prefill" else context
    if "decode" in roles:
        side = whole_side(designs.pool("decode"), decoding)
    else:
        side = split_side(designs.pool("attention"), designs.pool("ffn"), link, decoding)
    if "prefill" in roles:
        return prefill_decode(designs.pool("prefill"), side, link, context)
    first = prompt_alone(designs.pool("attention"), designs.pool("ffn"), link, context, side.step_s)
    extra = stored(side.holder.role, context, side.replicas, ones_like(side.step_s))
    return _without_prompts(side, first, link, extra)


def _drafted(draft: Pool, verify: Pool, link: PoolLink, context: Context) -> SystemResult:
    """Drafts of one pool that the other verifies; prompts cost nothing."""
    side = drafted_side(draft, verify, link, context)
    first = verified_prompt(verify, context, side.step_s)
    return _without_prompts(side, first, link, stored_by_both(draft, verify, context, ones_like(side.step_s)))


def _without_prompts(
    side: DecodeSide, first: dict[str, Array], link: PoolLink, extra: dict[str, Array]
) -> SystemResult:
    """Decode only; TTFT is that of one prompt alone."""
    return SystemResult(
        tpot_s=side.step_s,
        ttft_s=sum(list(first.values())[1:], next(iter(first.values()))),
        tokens_per_s=throughput(side.batch, side.step_s, side.replicas * ones_like(side.step_s)),
        tpot_parts_s=side.parts_s,
        ttft_parts_s=first,
        bounds_s=side.bounds_s,
        violations=side.violations,
        uses=side.uses,
        link=link,
        extra_capex=extra,
    )
