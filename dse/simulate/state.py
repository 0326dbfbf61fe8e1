"""Arrays of a simulation: requests, replicas, seconds of an iteration, what is observed over time."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

# tuples of arrays, since these are what compiled loops take


class Sent(NamedTuple):
    """Requests as they arrive; arrays of shape (n,)."""

    arrival_s: Floats
    """When they reach the scheduler, in ascending order [s]."""
    isl: Whole
    """Prompt tokens [token]."""
    osl: Whole
    """Output tokens [token]."""
    found: Whole
    """Prompt tokens that a cache has already [token]; below `isl`."""
    ids: Whole
    """Blocks that prompts begin with, from 0 on, of all requests in turn; equal ones are shared."""
    begins: Whole
    """Where those of each request begin in `ids`, and where the last end, shape (n + 1,)."""


class Served(NamedTuple):
    """What becomes of them; arrays of shape (n,)."""

    started_s: Floats
    """When their prompt is first scheduled [s]; NaN where never."""
    first_s: Floats
    """When the first token is out [s]."""
    last_s: Floats
    """When the last token is out [s]."""
    evicted: Whole
    """Times that their KV cache was dropped and computed again [1]."""
    replica: Whole
    """Which replica serves them; -1 where none can, since their KV cache fits nowhere."""
    target: Whole
    """Tokens to compute before the next one comes: the prompt, and what was generated before an eviction."""
    done: Whole
    """Tokens whose KV cache is there [token]."""
    made: Whole
    """Output tokens that are out [token]."""
    blocks: Whole
    """Blocks of KV cache that they hold [1]."""
    due: Whole
    """Tokens of them that the iteration under way computes [token]."""
    behind: Whole
    """The next in the queue of the replica; -1 for the last."""
    cached: Whole
    """Prompt tokens that were found when it was admitted first [token]; -1 before."""
    shown: Whole
    """Whether later requests can find its blocks: 1 from the end of its prompt to the end of its answer."""
    dropped: Whole
    """Where the last of its dropped blocks is among those that were ever free; -1 for none."""


class Replicas(NamedTuple):
    """Replicas; arrays of shape (replicas, ...) or, for those that step together, (groups,)."""

    running: Whole
    """Requests in the order in which they were admitted, shape (replicas, slots)."""
    active: Whole
    """How many of them run [1]."""
    head: Whole
    """First of the queue; -1 for none."""
    tail: Whole
    """Last of the queue; -1 for none."""
    waiting: Whole
    """Requests in the queue [1]."""
    blocks: Whole
    """Blocks of KV cache in use [1]."""
    freed: Whole
    """Blocks that were ever dropped [1]: free ones are used again in the order in which they were dropped."""
    used: Whole
    """Blocks that were ever taken [1]."""
    held_by: Whole
    """Requests that hold each block of `Sent.ids`, shape (replicas, blocks)."""
    freed_at: Whole
    """Where each of these is among blocks that were ever free; -1 for none, shape (replicas, blocks)."""
    prompt: Whole
    """Prompt tokens of the iteration under way [token]."""
    ready_s: Floats
    """When each group begins its next iteration [s]; infinite while it has nothing to do."""
    free_s: Floats
    """When the last iteration of each group ends [s]."""
    entrance_s: Floats
    """When the first stage of each pipeline takes the next micro-batch, shape (pipelines,) [s]."""
    exit_s: Floats
    """When the last micro-batch leaves each pipeline, shape (pipelines,) [s]."""
    progress: Whole
    """Requests that were routed, that are finished, iterations, replica routed to last, shape (4,)."""


class Rules(NamedTuple):
    """How a scheduler decides."""

    policy: int
    """One of the numbers of `policies`."""
    router: int
    """0: to each replica in turn; 1: to the one with the least to do."""
    together: int
    """Replicas that step together, since they share experts [1]."""
    lanes: int
    """Micro-batches of a pipeline, each of which is a replica here that shares its stages [1]."""
    slots: int
    """Sequences of a replica at most [1]."""
    budget: int
    """Tokens of an iteration at most [token]."""
    block: int
    """Tokens of a block of KV cache [token]."""
    room: float
    """Bytes for KV cache on the fullest chip [B]."""
    found_again: bool
    """Whether a request that comes back finds those of its blocks that no other has used in the meantime."""
    all_blocks: int
    """Blocks of a replica whose sequences are of middling length [1]."""
    shared: int
    """Tokens of a block of `Sent.ids` [token]."""


class Times(NamedTuple):
    """Seconds of an iteration at the points of a grid, and bytes of a sequence by its length."""

    sequences: Floats
    context: Floats
    prompt: Floats
    seen: Floats
    seconds: Floats
    """Through all stages, shape (sequences, context, prompt, seen) [s]."""
    stage: Floats
    """Of the slowest stage, of the same shape [s]."""
    length: Floats
    kept: Floats
    """Bytes that a sequence of each `length` keeps on the fullest chip [B]."""


class Observed(NamedTuple):
    """Sums over intervals of time of equal width; arrays of shape (intervals,)."""

    busy_s: Floats
    """Time in which replicas run iterations [s]."""
    running: Floats
    """Running requests, times seconds [s]."""
    waiting: Floats
    """Waiting requests, times seconds [s]."""
    held: Floats
    """Share of the room for KV cache that is in use, times seconds [s]."""
    prompt: Floats
    """Prompt tokens that were computed, those computed again among them [token]."""
    output: Floats
    """Output tokens [token]."""
    width_s: Floats
    """Width of an interval, shape (1,) [s]."""
