"""Steps of decode: one token, or a checked draft, for every resident sequence."""

from dataclasses import dataclass

from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.llm.expert_parallel import longest_over_mean
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.forward_pass import ForwardPass, PassInput, forward_pass
from objectives.equations.step.machine import Machine
from objectives.equations.step.pipeline_pass import PipelinePass, pipeline_pass, resource_use
from objectives.equations.step.speculation import checked_rows, tokens_per_step


@dataclass(frozen=True, kw_only=True)
class DecodeSteps:
    """Steps of decode, which check a draft where there is one."""

    rows: PassInput
    layer_pass: ForwardPass
    pipeline: PipelinePass
    draft_s: Array | None
    """Seconds of drafting for one step [s]; None without a draft."""
    tokens: float
    """Tokens that a step gives each sequence [token]."""
    resources: ResourceSeconds
    """What one output token takes of each resource [chip-second]."""

    def per_token_s(self) -> Array:
        """Time for one output token of every sequence [s]."""
        if self.draft_s is None:
            return self.pipeline.time.seconds
        return (self.pipeline.time.seconds + self.draft_s) / self.tokens

    def parts(self, m: Machine) -> dict[str, Array]:
        """Where it goes [s]; the sum is `per_token_s`."""
        parts = self.pipeline.parts(m, self.layer_pass) | {"pipeline_wait": self.pipeline.time.wait_s()}
        if self.draft_s is None:
            return parts
        return {name: part / self.tokens for name, part in (parts | {"draft": self.draft_s}).items()}


def decode_steps(s: Setup) -> DecodeSteps:
    """One step for all resident sequences, in as many micro-batches as the pipeline takes.

    With a draft of k tokens, each at the share c of a plain step, a step takes a pass over k + 1 rows a
    sequence and k c plain steps, and gives `speculation.tokens_per_step` tokens.

    Args:
        s: designs set up for their passes.

    Returns:
        Times and resources of a step, shapes broadcast.

    Domain:
        Sequences at their mean context.

    Limits:
        Without a draft one pass over one row a sequence.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), theorem 3.8 for drafts.

    Examples:
        By hand, in tests/equations/step/test_speculation.py and tests/properties/test_laws.py.
    """
    plain = _step(s, 1.0)
    draft = s.context.workload.speculation
    if draft is None:
        return plain
    # drafting in plain steps: k tokens, each at the share c of one
    checking, guessed = _step(s, checked_rows(draft)), draft.length * draft.cost
    tokens = tokens_per_step(draft)
    return DecodeSteps(
        rows=checking.rows,
        layer_pass=checking.layer_pass,
        pipeline=checking.pipeline,
        draft_s=guessed * plain.pipeline.time.seconds,
        tokens=tokens,
        resources=checking.resources.plus(plain.resources.times(guessed)).times(1.0 / tokens),
    )


def _step(s: Setup, rows_each: float) -> DecodeSteps:
    """A pass over some rows of each sequence, counted as one token."""
    rows = _decoding(s, s.micro.rows * rows_each)
    layer_pass = forward_pass(s.machine, rows)
    return DecodeSteps(
        rows=rows,
        layer_pass=layer_pass,
        pipeline=pipeline_pass(s.machine, layer_pass, rows, s.deployments.pp, s.hops, s.micro.count),
        draft_s=None,
        tokens=1.0,
        # a pass serves micro.rows sequences on TP x CP chips of every stage
        resources=resource_use(s.machine, layer_pass, rows).times(s.deployments.ways / s.micro.rows),
    )


def _decoding(s: Setup, rows: Array) -> PassInput:
    """Every row attends to its context; KV cache is read once for all rows of a sequence."""
    work, layer, sequences = s.context.workload, s.layer, s.micro.rows
    context = work.mean_context
    # replicas that share experts wait for the one with the longest contexts
    joined = layer.routed[0].spread.joined if layer.routed and s.prompt_load.staggered else None
    if joined is not None:
        context = context * longest_over_mean(joined, sequences, context, work.osl)
    return PassInput(
        rows=rows,
        # a draft is checked at each of its rows, so that all of them need logits
        head_rows=rows,
        sequences=sequences,
        core_flop=layer.core_flop(context),
        kv_elements=sequences * layer.kv_read(context),
        kv_share=s.machine.placed.kv_share,
        kv_further=s.machine.placed.elsewhere(1),
        # a step reads each state and writes it back, whatever the context
        state_bytes=None if layer.state_bytes is None else 2.0 * layer.state_bytes * sequences,
        exchanged=layer.exchanged(),
    )
