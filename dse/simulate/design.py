"""One design as a simulation wants it: layout, seconds of an iteration, room for KV cache."""

from dataclasses import dataclass

import numpy as np

from dse.chips.interval import shares_experts
from dse.errors import spec_error
from dse.evaluate.subject import Subject
from dse.question.one_layout import layouts_of
from dse.simulate.policies import OF_SERVING, TWO_POOLS
from dse.simulate.state import Floats, Times, Whole
from dse.simulate.step_times import room_bytes, step_times
from dse.spec.schema.llm import LlmSpec
from objectives import api
from objectives.equations.serving.disaggregated import transfer_s
from objectives.equations.serving.registry import serving_mode
from objectives.equations.step.batch_setup import Setup, set_up


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How many chips a replica has, and how many replicas there are."""

    tp: int = 1
    cp: int = 1
    pp: int = 1
    ep: int = 1
    dp: int = 1
    prefill: int = 0
    """Replicas that only prefill, in the same layout; for disaggregated serving."""

    @property
    def chips(self) -> int:
        """Chips of all replicas."""
        return self.tp * self.cp * self.pp * (self.dp + self.prefill)


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """A design, looked up and sized."""

    subject: Subject
    layout: Layout
    setup: Setup
    slots: int
    """Sequences of a replica at most [1]."""
    budget: int
    """Tokens of an iteration at most [token]."""
    together: int
    """Replicas that step together, since they share experts [1]."""
    room: float
    """Bytes for KV cache on the fullest chip [B]."""
    times: Times

    @property
    def room_tokens(self) -> float:
        """Tokens whose KV cache a replica has room for, in sequences of the mean length [token]."""
        work = self.setup.context.workload
        length = float(work.isl + work.osl / 2.0)
        return self.room / float(np.interp(length, self.times.length, self.times.kept)) * length

    def transfer_s(self, prompt: Whole) -> Floats:
        """Time for the KV cache of prompts from one pool to the other [s], each by itself."""
        size = np.interp(prompt.astype(np.float64), self.times.length, self.times.kept)
        return np.asarray(transfer_s(self.setup.chips, size), dtype=np.float64).reshape(-1)


_NOT_YET = {
    "speculation": "speculative decoding",
    "diffusion": "block diffusion",
}


def simulated(
    subject: Subject, layout: Layout, *, slots: int, longest: int, longest_prompt: int
) -> Simulated:
    """Set a design up; raises `SpecError` for what cannot be, or cannot be simulated yet.

    `longest` are the tokens of the longest sequence, `longest_prompt` those of the longest prompt.
    """
    _hold(subject, longest)
    sizes = {name: getattr(layout, name) for name in ("tp", "cp", "pp", "ep", "dp")}
    subject.check_layout(batch=slots, **sizes)
    if not layouts_of(sizes, subject.llm, subject.stack, (1,)):
        raise spec_error(
            "--ep", f"expected an EP that goes with TP {layout.tp} and DP {layout.dp}, got {layout.ep}"
        )
    one = _set_up(subject, layout, 1)
    # the batch that the placement of bytes is made for: as many as there are slots, or as there is room for
    held = float(np.asarray(one.held_bytes["kv_cache"]).reshape(-1)[0])
    room = room_bytes(one)
    if layout.pp > 1 and layout.ep > layout.tp * layout.cp:
        what = "expected no pipeline where replicas share experts, which cannot be simulated yet"
        raise spec_error("--pp", f"{what}, got PP {layout.pp} and EP {layout.ep}")
    if room <= 0.0:
        raise spec_error(
            f"chips/{subject.chip.name}",
            f"expected room for the weights of {subject.llm.name} in this layout, but {-room / 1e9:,.3g} GB "
            "are missing on each chip; more chips (--tp, --pp) or narrower --weights may help",
        )
    fits = max(min(slots, int(room / held)), 1)
    setup = _set_up(subject, layout, fits)
    room = room_bytes(setup)
    budget = int(np.asarray(setup.chips.stack.prompt_rows).reshape(-1)[0])
    serving = subject.context.workload.serving
    known = (*OF_SERVING, TWO_POOLS)
    if serving not in known:
        what = f"expected one of {', '.join(known)}, got {serving}, which cannot be simulated yet"
        raise spec_error("--serving", what)
    if (serving == TWO_POOLS) != (layout.prefill > 0):
        what = "replicas that prefill with serving disaggregated, and none with any other"
        raise spec_error(
            "--prefill-replicas", f"expected {what}, got {layout.prefill or 'none'} with {serving}"
        )
    whole = serving != "chunked"
    at_once = longest_prompt * (slots if serving == "static" else 1)
    times = step_times(
        setup,
        slots=slots,
        longest=float(longest),
        prompt=float(max(budget, at_once) if whole else budget),
    )
    joined = setup.layer.routed[0].spread.joined if setup.layer.routed else 1.0
    together = int(np.asarray(joined).reshape(-1)[0]) if shares_experts(subject.llm, setup.deployments) else 1
    return Simulated(
        subject=subject,
        layout=layout,
        setup=setup,
        slots=slots,
        budget=budget,
        together=together,
        room=room,
        times=times,
    )


def hold_longest(llm: LlmSpec, longest: int) -> None:
    """Raise `SpecError` for a request that is longer than the longest context of an LLM."""
    if llm.context is not None and longest > llm.context:
        what = f"expected requests of at most {llm.context:,} tokens, the longest context of {llm.name}"
        raise spec_error("--llm", f"{what}, got one of {longest:,}")


def _hold(subject: Subject, longest: int) -> None:
    """Raise `SpecError` for what a simulation does not know yet."""
    work = subject.context.workload
    found = [text for name, text in _NOT_YET.items() if getattr(work, name) is not None]
    if subject.llm.encoder is not None:
        found.append("an encoder")
    if work.prefix is not None and work.prefix.tier != "dram":
        found.append(f"a prefix cache in {work.prefix.tier}")
    if found:
        raise spec_error("--workload", f"expected one that can be simulated; {', '.join(found)} cannot yet")
    hold_longest(subject.llm_spec, longest)


def _set_up(subject: Subject, layout: Layout, batch: int) -> Setup:
    """The design with so many sequences in a replica."""
    columns = {name: np.array([float(getattr(layout, name))]) for name in ("tp", "cp", "pp", "ep", "dp")}
    deployments = api.Deployments(batch=np.array([float(batch)]), **columns)
    designs = subject.designs(deployments)
    load = serving_mode(subject.context.workload.serving).prompt_load(designs, subject.context.workload)
    return set_up(designs, subject.context, load)
