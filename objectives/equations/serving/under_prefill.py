"""KV cache that is sent layer by layer while later layers of the prompt are computed."""

from dataclasses import dataclass

from objectives.arrays import Array, maximum, minimum, where
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.prefill_pass import PrefillPass


@dataclass(frozen=True, kw_only=True)
class UnderPrefill:
    """A pass over prompts whose KV cache leaves layer by layer."""

    under: Array
    """1 where the stack sends layers while it computes others, 0 where it sends all after the pass."""
    layers: Array
    """Layers of a stage, the largest [1]."""
    layer_s: Array
    """Time that a layer of the pass takes [s]."""
    prompts: Array
    """Prompts of the pass [1]."""


def under_prefill(s: Setup, passes: PrefillPass, prompts: Array) -> UnderPrefill | None:
    """What a pass gives to send under; None where no stack of the batch does so.

    Args:
        s: designs set up for their passes.
        passes: the pass over prompts.
        prompts: prompts of a pass [1].

    Returns:
        Layers and their times, shapes broadcast.

    Domain:
        As `left_s`.

    Limits:
        None for stacks that send after the prefill.

    Source:
        As `left_s`.

    Examples:
        By hand, in tests/systems/test_kv_under_prefill.py.
    """
    under = s.chips.stack.kv_under_prefill
    if under is None:
        return None
    layer_s = passes.pipeline.layer_s
    return UnderPrefill(under=under, layers=s.stage_layers, layer_s=layer_s, prompts=prompts)


def left_s(sent_s: Array, layers: Array, layer_s: Array) -> Array:
    """Seconds of bytes that are still on their way when the last of some layers is computed [s].

    max(u / L, u - t (L - 1)) for u seconds of bytes and L layers of t seconds: where the link is faster than
    the layers, the bytes of the last one remain; where it is slower, it is busy from the end of the first
    layer on.

    Args:
        sent_s: seconds u that all bytes take of the link [s].
        layers: layers L of which each sends its own [1], at least 1.
        layer_s: time t that a layer takes [s].

    Returns:
        Seconds after the last layer, without the latency of the link, shapes broadcast [s].

    Domain:
        Layers of equal time and size; messages follow each other without an answer.

    Limits:
        u for one layer or layers that take no time; u / L for a fast link. Never above u.

    Source:
        Splitwise, Patel et al., ISCA 2024 (arXiv 2311.18677), figure 11; an event simulation in
        tests/simulation gives the same numbers to rounding.

    Examples:
        By hand: 40 layers of 10 ms each; 0.2 s of bytes leave 5 ms, 0.8 s of them 0.41 s.

        >>> [round(left_s(sent, 40.0, 0.01), 9) for sent in (0.2, 0.8)]
        [0.005, 0.41]
    """
    return maximum(sent_s / layers, sent_s - layer_s * (layers - 1.0))


def exposed_s(own: UnderPrefill | None, sends_s: Array, receives_s: Array, receivers: Array) -> Array:
    """Seconds that the bytes of a prompt still take of ports after its prefill, latency apart [s].

    After the prefill: those of the slower side. Under it: what the KV cache of all prompts of the pass leaves
    on the slower side, and never more than that of one prompt takes after it. A receiver is busy with the
    layers of its own stage alone, of which the last ones come last.

    Args:
        own: the pass; None where all is sent after it.
        sends_s: time that one prompt takes of the ports of what prefills [s].
        receives_s: time that it takes of the ports of what decodes [s].
        receivers: layers of a stage of what decodes [1].

    Returns:
        Seconds, shapes broadcast [s].

    Domain:
        As `left_s`. Bytes that a prefix cache brought back leave with those of their layer. Slots of decode
        count as held for the way of their bytes; blocks that are kept free from the first layer on are held
        longer, which is not counted.

    Limits:
        Between the bytes of a last layer and those of the whole prompt on the slower side.

    Source:
        As `left_s`.

    Examples:
        By hand: ten layers of 10 ms; 60 ms of bytes leave 6 ms, two prompts of them in a pass 30 ms.

        >>> one = UnderPrefill(under=1.0, layers=10.0, layer_s=0.01, prompts=1.0)
        >>> two = UnderPrefill(under=1.0, layers=10.0, layer_s=0.01, prompts=2.0)
        >>> [round(float(exposed_s(own, 0.06, 0.0, 10.0)), 9) for own in (None, one, two)]
        [0.06, 0.006, 0.03]
    """
    sent = maximum(sends_s, receives_s)
    if own is None:
        return sent
    # pools of a batch that send after the prefill may have no layers of their own
    sending = left_s(own.prompts * sends_s, maximum(own.layers, 1.0), own.layer_s)
    receiving = left_s(own.prompts * receives_s, receivers, own.layer_s)
    return where(own.under > 0.0, minimum(maximum(sending, receiving), sent), sent)
