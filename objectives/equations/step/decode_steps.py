"""Steps of decode: one token, a checked draft, or a pass over a block, for every resident sequence."""

from dataclasses import dataclass

from objectives.arrays import Array
from objectives.equations.chip.resource_seconds import ResourceSeconds
from objectives.equations.llm.expert_parallel import longest_over_mean
from objectives.equations.step.batch_setup import Setup
from objectives.equations.step.forward_pass import ForwardPass, PassInput, forward_pass
from objectives.equations.step.generation.diffusion import rows_of_sequence, tokens_per_pass
from objectives.equations.step.machine import Machine
from objectives.equations.step.own_draft.passes import DraftPasses, draft_passes
from objectives.equations.step.pipeline_pass import PipelinePass, pipeline_pass, resource_use
from objectives.equations.step.speculation import checked_rows, tokens_per_step


@dataclass(frozen=True, kw_only=True)
class DecodeSteps:
    """Steps of decode, which check a draft where there is one, or are one of the passes of a block."""

    rows: PassInput
    layer_pass: ForwardPass
    pipeline: PipelinePass
    draft_s: Array | None
    """Seconds of drafting at a stated cost for one step [s]; None without, and where layers of the LLM draft
    in the passes of its last stage."""
    tokens: Array | float
    """Tokens that a step gives each sequence, on average [token]."""
    resources: ResourceSeconds
    """What one output token takes of each resource [chip-second]."""
    drafts: DraftPasses | None = None
    """Passes of layers of the LLM that draft; None where others do, and without drafts."""

    def per_token_s(self) -> Array:
        """Time for one output token of every sequence [s]."""
        seconds = self.pipeline.time.seconds
        return _shared(seconds if self.draft_s is None else seconds + self.draft_s, self.tokens)

    def parts(self, m: Machine) -> dict[str, Array]:
        """Where it goes [s]; the sum is `per_token_s`."""
        parts = self.pipeline.parts(m, self.layer_pass) | {"pipeline_wait": self.pipeline.time.wait_s()}
        drafting = {} if self.draft_s is None else {"draft": self.draft_s}
        return {name: _shared(part, self.tokens) for name, part in (parts | drafting).items()}


def _shared(seconds: Array, tokens: Array | float) -> Array:
    # most steps give one token, whose division would be a pass over all designs
    return seconds if isinstance(tokens, float) and tokens == 1.0 else seconds / tokens


def decode_steps(s: Setup) -> DecodeSteps:
    """One step for all resident sequences, in as many micro-batches as the pipeline takes.

    With a draft of k tokens, each at the share c of a plain step, a step takes a pass over k + 1 rows a
    sequence and k c plain steps, and gives `speculation.tokens_per_step` tokens. Where layers of the LLM
    draft, their passes are part of its last stage, see `own_draft.passes`. Where blocks are denoised a step
    is one of their passes, over B rows a sequence, and gives `diffusion.tokens_per_pass` tokens.

    Args:
        s: designs set up for their passes.

    Returns:
        Times and resources of a step, shapes broadcast.

    Domain:
        Sequences at their mean context.

    Limits:
        Without a draft or a block one pass over one row a sequence.

    Source:
        Leviathan, Kalman & Matias, ICML 2023 (arXiv 2211.17192), theorem 3.8 for drafts; Arriola et al., ICLR
        2025 (arXiv 2503.09573), for blocks.

    Examples:
        By hand, in tests/equations/step/test_speculation.py, tests/equations/step/test_diffusion.py and
        tests/properties/test_laws.py.
    """
    work = s.context.workload
    if work.diffusion is not None:
        return _step(s, rows_of_sequence(work), tokens_per_pass(work.diffusion, work.osl))
    draft = work.speculation
    if draft is not None and s.drafting is not None:
        return _step(s, checked_rows(draft), tokens_per_step(draft))
    plain = _step(s, 1.0)
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


def _step(s: Setup, rows_each: float, tokens: Array | float = 1.0) -> DecodeSteps:
    """A pass over some rows of each sequence, which gives some tokens."""
    rows = _decoding(s, s.machine, s.micro.rows * rows_each)
    layer_pass, drafts = forward_pass(s.machine, rows), _drafts(s, rows_each)
    used = resource_use(s.machine, layer_pass, rows)
    if drafts is not None:
        used = used.plus(drafts.resources())
    return DecodeSteps(
        rows=rows,
        layer_pass=layer_pass,
        pipeline=pipeline_pass(
            s.machine,
            layer_pass,
            rows,
            s.deployments.pp,
            s.hops,
            s.micro.count,
            draft_s=None if drafts is None else drafts.seconds,
        ),
        draft_s=None,
        tokens=tokens,
        # a pass serves micro.rows sequences on TP x CP chips of every stage
        resources=used.times(s.deployments.ways / (s.micro.rows * tokens)),
        drafts=drafts,
    )


def _drafts(s: Setup, rows_each: float) -> DraftPasses | None:
    """Passes of the layers that draft, next to one over some rows of each sequence; None without such."""
    if s.drafting is None:
        return None
    m, one = s.drafting.machine, s.micro.rows
    # all rows leave keys and values, and the last one of each sequence drafts a token
    first = _decoding(s, m, one * rows_each, one)
    return draft_passes(m, s.drafting.own, first, _decoding(s, m, one))


def _decoding(s: Setup, m: Machine, rows: Array, head_rows: Array | None = None) -> PassInput:
    """Every row attends to its context; KV cache is read once for all rows of a sequence."""
    work, layer, sequences = s.context.workload, m.layer, s.micro.rows
    context = work.mean_context
    # replicas that share experts wait for the one with the longest contexts
    joined = layer.routed[0].spread.joined if layer.routed and s.prompt_load.staggered else None
    if joined is not None:
        context = context * longest_over_mean(joined, sequences, context, work.osl)
    read, written = sequences * layer.kv_read(context), None
    if work.diffusion is not None:
        # every pass writes keys and values of its whole block, which its rows see
        written = sequences * layer.kv_kept(rows_of_sequence(work))
        read = read + written
    return PassInput(
        rows=rows,
        # a draft is checked, and a block denoised, at each of its rows, so that all of them need logits
        head_rows=rows if head_rows is None else head_rows,
        sequences=sequences,
        core_flop=layer.core_flop(context),
        kv_elements=read,
        kv_written=written,
        kv_share=s.machine.placed.kv_share,
        kv_further=s.machine.placed.elsewhere(1),
        # a step reads each state and writes it back, whatever the context
        state_bytes=None if layer.state_bytes is None else 2.0 * layer.state_bytes * sequences,
        exchanged=layer.exchanged(),
    )
