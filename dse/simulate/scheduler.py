"""One iteration of one replica: who joins, who is evicted, whose tokens come out."""

from dse.simulate.compiled import compiled
from dse.simulate.interpolate import kept_bytes
from dse.simulate.policies import CHUNKED, FREE_PROMPTS, ONLY_PROMPTS, PROMPTS_FIRST, STATIC
from dse.simulate.state import Replicas, Rules, Sent, Served, Times


@compiled
def push_back(replicas: Replicas, served: Served, r: int, i: int) -> None:
    """Put request `i` at the end of the queue of replica `r`."""
    served.behind[i] = -1
    if replicas.tail[r] < 0:
        replicas.head[r] = i
    else:
        served.behind[replicas.tail[r]] = i
    replicas.tail[r] = i
    replicas.waiting[r] += 1


@compiled
def push_front(replicas: Replicas, served: Served, r: int, i: int) -> None:
    """Put request `i` before all others that wait."""
    served.behind[i] = replicas.head[r]
    if replicas.head[r] < 0:
        replicas.tail[r] = i
    replicas.head[r] = i
    replicas.waiting[r] += 1


@compiled
def pop(replicas: Replicas, served: Served, r: int) -> int:
    """Take the first of the queue."""
    i = int(replicas.head[r])
    replicas.head[r] = served.behind[i]
    if replicas.head[r] < 0:
        replicas.tail[r] = -1
    replicas.waiting[r] -= 1
    return i


@compiled
def held(times: Times, rules: Rules, count: int, blocks: int) -> float:
    """Bytes of KV cache of some sequences in so many blocks [B]."""
    if count == 0:
        return 0.0
    # each keeps what the mean one does, which is exact where KV cache grows with every token
    return count * kept_bytes(times, blocks * rules.block / count)


@compiled
def fits(times: Times, rules: Rules, count: int, blocks: int) -> bool:
    """Whether a replica has room for some sequences in so many blocks."""
    # a mean times a number may be above their sum by rounding
    return held(times, rules, count, blocks) <= rules.room * (1.0 + 1e-9)


@compiled
def blocks_of(rules: Rules, tokens: int) -> int:
    """Blocks for so many tokens."""
    return (tokens + rules.block - 1) // rules.block


@compiled
def drop(replicas: Replicas, served: Served, r: int, i: int) -> None:
    """Free the blocks of a request, the beginning of its sequence last."""
    replicas.blocks[r] -= served.blocks[i]
    replicas.freed[r] += served.blocks[i]
    served.dropped[i] = replicas.freed[r]
    served.blocks[i] = 0


@compiled
def get(replicas: Replicas, served: Served, r: int, i: int, blocks: int) -> None:
    """Take so many free blocks for a request."""
    served.blocks[i] += blocks
    replicas.blocks[r] += blocks
    replicas.used[r] += blocks


@compiled
def still_there(replicas: Replicas, sent: Sent, served: Served, rules: Rules, r: int, i: int) -> int:
    """Tokens of a waiting request whose KV cache is there: a cache found it, or it outlived an eviction."""
    tokens = int(sent.found[i])
    if rules.found_again and served.dropped[i] >= 0:
        # of its blocks those that were dropped after the last one that was taken since
        left = int(served.dropped[i] + rules.all_blocks - replicas.used[r])
        tokens = max(tokens, left * rules.block)
    if rules.found_again:
        tokens = max(tokens, rules.shared * blocks_found(replicas, sent, rules, r, i))
    return max(min(tokens, int(served.target[i]) - 1), 0)


@compiled
def blocks_found(replicas: Replicas, sent: Sent, rules: Rules, r: int, i: int) -> int:
    """Blocks at the beginning of a prompt that others hold, or that no other has used since they left."""
    first = sent.begins[i]
    for k in range(first, sent.begins[i + 1]):
        b = sent.ids[k]
        left = replicas.freed_at[r, b] + rules.all_blocks - replicas.used[r]
        if replicas.held_by[r, b] == 0 and (replicas.freed_at[r, b] < 0 or left <= 0):
            return int(k - first)
    return int(sent.begins[i + 1] - first)


@compiled
def show(replicas: Replicas, sent: Sent, served: Served, r: int, i: int) -> None:
    """Let later requests find the blocks of a prompt that is computed."""
    if served.shown[i] == 0:
        served.shown[i] = 1
        for k in range(sent.begins[i], sent.begins[i + 1]):
            replicas.held_by[r, sent.ids[k]] += 1


@compiled
def hide(replicas: Replicas, sent: Sent, served: Served, rules: Rules, r: int, i: int) -> None:
    """Let later requests find the blocks of one that leaves, until they are used: the first ones last."""
    if served.shown[i] == 0:
        return
    served.shown[i] = 0
    first = sent.begins[i]
    for k in range(first, sent.begins[i + 1]):
        b = sent.ids[k]
        replicas.held_by[r, b] -= 1
        # all of it is wanted, so that the end of it counts, which is used again before its beginning
        replicas.freed_at[r, b] = replicas.freed[r] - ((k - first + 1) * rules.shared // rules.block - 1)


@compiled
def evict(replicas: Replicas, sent: Sent, served: Served, rules: Rules, r: int) -> int:
    """Drop the KV cache of the request that was admitted last, which waits first from now on."""
    replicas.active[r] -= 1
    i = int(replicas.running[r, replicas.active[r]])
    drop(replicas, served, r, i)
    hide(replicas, sent, served, rules, r, i)
    served.done[i] = 0
    served.due[i] = 0
    # all of it again, the tokens that are out among it
    served.target[i] = sent.isl[i] + served.made[i]
    served.evicted[i] += 1
    push_front(replicas, served, r, i)
    return i


@compiled
def grow(
    replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, r: int, at: int, tokens: int
) -> tuple[bool, bool]:
    """Blocks for `tokens` more of the request at place `at`: whether it has them, and any was evicted.

    Where room is missing, the requests that were admitted last are evicted, itself at worst.
    """
    i, evicted = replicas.running[r, at], False
    more = blocks_of(rules, served.done[i] + tokens) - served.blocks[i]
    if more > 0:
        while not fits(times, rules, replicas.active[r], replicas.blocks[r] + more):
            evicted = True
            if evict(replicas, sent, served, rules, r) == i:
                return False, True
        get(replicas, served, r, i, more)
    return True, evicted


@compiled
def admit(replicas: Replicas, sent: Sent, served: Served, rules: Rules, r: int, now: float) -> int:
    """Give the first of the queue a slot."""
    i = pop(replicas, served, r)
    # what a cache has is there at once
    served.done[i] = still_there(replicas, sent, served, rules, r, i)
    if served.cached[i] < 0:
        served.cached[i] = served.done[i]
    replicas.running[r, replicas.active[r]] = i
    replicas.active[r] += 1
    if not served.started_s[i] >= 0.0:
        served.started_s[i] = now
    return i


@compiled
def has_room(replicas: Replicas, served: Served, times: Times, rules: Rules, r: int) -> bool:
    """Whether a slot is free, and the first of the queue fits with all that it has to compute."""
    if replicas.waiting[r] == 0 or replicas.active[r] >= rules.slots:
        return False
    more = blocks_of(rules, served.target[replicas.head[r]])
    return fits(times, rules, replicas.active[r] + 1, replicas.blocks[r] + more)


@compiled
def take(replicas: Replicas, served: Served, rules: Rules, r: int, i: int, tokens: int) -> None:
    """Let request `i` compute `tokens` of its prompt in this iteration, in blocks that there is room for."""
    served.due[i] = tokens
    get(replicas, served, r, i, blocks_of(rules, served.done[i] + tokens) - served.blocks[i])


@compiled
def schedule(
    replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, r: int, now: float
) -> None:
    """Decide how many tokens each request of replica `r` computes in the iteration that begins now."""
    left, evicted = rules.budget, False
    for at in range(replicas.active[r]):
        served.due[replicas.running[r, at]] = 0
    if rules.policy == PROMPTS_FIRST and has_room(replicas, served, times, rules, r):
        # the whole of one prompt, which steps of decode wait for
        i = admit(replicas, sent, served, rules, r, now)
        take(replicas, served, rules, r, i, served.target[i] - served.done[i])
        return
    at = 0
    while at < replicas.active[r]:
        i = replicas.running[r, at]
        rest = served.target[i] - served.done[i]
        # one token of output where the prompt is there
        tokens = min(rest, left) if rest > 0 else 1
        if tokens > 0:
            there, some = grow(replicas, sent, served, times, rules, r, at, tokens)
            evicted = evicted or some
            if there:
                served.due[i] = tokens
                if rules.policy == CHUNKED:
                    left -= tokens
        at += 1
    if evicted or rules.policy == PROMPTS_FIRST:
        return
    if rules.policy == STATIC and replicas.active[r] > 0:
        return
    while left > 0 and has_room(replicas, served, times, rules, r):
        i = replicas.head[r]
        rest = served.target[i] - still_there(replicas, sent, served, rules, r, i)
        if rules.policy == ONLY_PROMPTS and left < rules.budget and rest > left:
            return  # prompts are packed whole; a longer one than all goes alone
        admit(replicas, sent, served, rules, r, now)
        if rules.policy == FREE_PROMPTS:
            take(replicas, served, rules, r, i, rest)
            # the step that reads it gives the first token
            served.done[i] = served.target[i] - 1
            served.due[i] = 1
        else:
            tokens = min(rest, left) if rules.policy == CHUNKED else rest
            take(replicas, served, rules, r, i, tokens)
            left = left if rules.policy == STATIC else left - tokens


@compiled
def finish(
    replicas: Replicas, sent: Sent, served: Served, rules: Rules, r: int, now: float, steps: int
) -> tuple[int, int]:
    """Let the tokens of the iteration that ends now come out: requests that are finished, and tokens.

    `steps` of more than 1 are steps of decode that follow each other without anything else.
    """
    kept, finished, tokens = 0, 0, 0
    for at in range(replicas.active[r]):
        i = replicas.running[r, at]
        served.done[i] += served.due[i]
        if served.due[i] > 0 and served.done[i] >= served.target[i]:
            # a prompt that is complete gives a token, as a step of decode does
            served.made[i] += steps
            show(replicas, sent, served, r, i)
            tokens += steps
            if served.made[i] == 1:
                served.first_s[i] = now
            if served.made[i] >= sent.osl[i]:
                served.last_s[i] = now
                drop(replicas, served, r, i)
                hide(replicas, sent, served, rules, r, i)
                finished += 1
                continue
        replicas.running[r, kept] = i
        kept += 1
    replicas.active[r] = kept
    return finished, tokens
