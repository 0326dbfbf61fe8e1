"""The loop over events: a request arrives, or replicas that step together begin an iteration."""

import numpy as np

from dse.simulate.compiled import compiled
from dse.simulate.interpolate import place, seconds
from dse.simulate.policies import FREE_PROMPTS, STATIC
from dse.simulate.scheduler import blocks_of, finish, fits, get, has_room, held, push_back, schedule
from dse.simulate.state import Observed, Replicas, Rules, Sent, Served, Times


@compiled
def route(replicas: Replicas, rules: Rules) -> int:
    """The replica that the next request goes to."""
    last, n = int(replicas.progress[3]), replicas.active.size
    best = (last + 1) % n
    if rules.router == 1:
        # one that waits weighs as much as four that run, as engines with several ranks have it
        least = 4 * replicas.waiting[best] + replicas.active[best]
        for step in range(1, n):
            r = (best + step) % n
            load = 4 * replicas.waiting[r] + replicas.active[r]
            if load < least:
                best, least = r, load
    replicas.progress[3] = best
    return best


@compiled
def arrive(replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules) -> None:
    """Put the next request into the queue of a replica; where its KV cache fits nowhere, into none."""
    i = replicas.progress[0]
    replicas.progress[0] += 1
    # the last token is never read, so that its KV cache is not kept
    most = blocks_of(rules, sent.isl[i] + sent.osl[i] - 1)
    if not fits(times, rules, 1, most):
        served.replica[i] = -1
        replicas.progress[1] += 1
        return
    r = route(replicas, rules)
    served.replica[i] = r
    push_back(replicas, served, r, i)
    g = r // rules.together
    # replicas at work see it when their iteration ends
    if replicas.ready_s[g] == np.inf:
        replicas.ready_s[g] = max(sent.arrival_s[i], replicas.free_s[g])


@compiled
def duration(
    replicas: Replicas, served: Served, times: Times, rules: Rules, r: int
) -> tuple[float, float, int]:
    """Seconds of the iteration that is scheduled, those of its slowest stage, and its tokens of prompts."""
    decoding, context, prompt, seen = 0, 0.0, 0, 0.0
    for at in range(replicas.active[r]):
        i = replicas.running[r, at]
        tokens = served.due[i]
        if tokens == 0:
            continue
        if served.done[i] >= served.target[i] or rules.policy == FREE_PROMPTS:
            decoding += 1
            context += served.done[i] + 1
        else:
            prompt += tokens
            seen += tokens * (served.done[i] + tokens / 2.0)
    if decoding + prompt == 0:
        return 0.0, 0.0, 0
    mean = context / decoding if decoding else 0.0
    sees = seen / prompt if prompt else 0.0
    whole = seconds(times, times.seconds, decoding, mean, prompt, sees)
    if rules.lanes == 1:
        return whole, whole, prompt
    return whole, seconds(times, times.stage, decoding, mean, prompt, sees), prompt


@compiled
def gives_tokens(replicas: Replicas, served: Served, r: int) -> bool:
    """Whether any token comes out of the iteration that is scheduled."""
    for at in range(replicas.active[r]):
        i = replicas.running[r, at]
        if served.due[i] > 0 and served.done[i] + served.due[i] >= served.target[i]:
            return True
    return False


@compiled
def observe(
    o: Observed, begins_s: float, took_s: float, seen: tuple[float, float, float, float, float]
) -> None:
    """Add an iteration to the intervals in which it runs.

    `seen` are what holds all of the time (running, waiting, share of the room) and what comes of it (prompt
    tokens, output tokens).
    """
    last = o.busy_s.size - 1
    # twice as wide where time goes on beyond the last one
    while (begins_s + took_s) / o.width_s[0] >= last + 1:
        for sums in (o.busy_s, o.running, o.waiting, o.held, o.prompt, o.output):
            for k in range(last + 1):
                sums[k] = (sums[2 * k] + sums[2 * k + 1]) if 2 * k + 1 <= last else 0.0
        o.width_s[0] *= 2.0
    width, at, ends_s = o.width_s[0], begins_s, begins_s + took_s
    k = int(at / width)
    while True:
        until = min((k + 1) * width, ends_s)
        part = max(until - at, 0.0)
        o.busy_s[k] += part
        o.running[k] += part * seen[0]
        o.waiting[k] += part * seen[1]
        o.held[k] += part * seen[2]
        share = part / took_s if took_s > 0.0 else 1.0
        o.prompt[k] += share * seen[3]
        o.output[k] += share * seen[4]
        if until >= ends_s or k == last:
            return
        at, k = until, k + 1


@compiled
def plain_steps(replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, r: int) -> int:
    """Steps of decode for which replica `r` has nothing else to do: until one ends, at most; 0 for none."""
    if replicas.active[r] == 0:
        return 0
    if has_room(replicas, served, times, rules, r) and rules.policy != STATIC:
        return 0
    most = int(sent.osl[replicas.running[r, 0]])
    for at in range(replicas.active[r]):
        i = replicas.running[r, at]
        if served.done[i] < served.target[i]:
            return 0
        most = min(most, int(sent.osl[i] - served.made[i]))
    blocks = 0
    for at in range(replicas.active[r]):
        blocks += blocks_of(rules, served.done[replicas.running[r, at]] + most)
    return most if fits(times, rules, replicas.active[r], blocks) else 0


@compiled
def leap(
    replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, o: Observed, r: int
) -> bool:
    """Many plain steps of decode at once, up to the next arrival; whether there were any.

    Between two points of the grid the time of a step grows by a line, so that their sum is a closed form: the
    same as one by one.
    """
    steps = plain_steps(replicas, sent, served, times, rules, r)
    if steps < 2:
        return False
    now, n, tokens = replicas.ready_s[r], replicas.active[r], 0
    for at in range(n):
        tokens += served.done[replicas.running[r, at]] + 1
    context = tokens / n
    first = seconds(times, times.seconds, n, context, 0.0, 0.0)
    low = place(times.context, context)[0]
    growth, last = 0.0, times.context[-1]
    if context < last:
        until = times.context[low + 1]
        # up to the point, so that all of them are on one line
        steps = min(steps, int(until - context) + 1)
        growth = (seconds(times, times.seconds, n, until, 0.0, 0.0) - first) / (until - context)
    if replicas.progress[0] < sent.arrival_s.size:
        steps = min(steps, steps_until(sent.arrival_s[replicas.progress[0]] - now, first, growth, steps))
    if steps < 2:
        return False
    took = steps * first + growth * steps * (steps - 1) / 2.0
    for at in range(n):
        i = replicas.running[r, at]
        served.due[i] = steps
        get(replicas, served, r, i, blocks_of(rules, served.done[i] + steps) - served.blocks[i])
    share = held(times, rules, n, replicas.blocks[r]) / rules.room
    waiting = replicas.waiting[r]
    finished, made = finish(replicas, sent, served, rules, r, now + took, steps)
    observe(o, now, took, (float(n), float(waiting), share, 0.0, float(made)))
    ended(replicas, r, finished, steps, now + took, replicas.active[r] > 0 or replicas.waiting[r] > 0)
    return True


@compiled
def steps_until(wait_s: float, first: float, growth: float, most: int) -> int:
    """The fewest steps that take `wait_s` or more, `most` at most: their sum is quadratic in their number."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if middle * first + growth * middle * (middle - 1) / 2.0 >= wait_s:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def ended(replicas: Replicas, g: int, finished: int, steps: int, at_s: float, busy: bool) -> None:
    """Replicas of group `g` end an iteration."""
    replicas.progress[1] += finished
    replicas.progress[2] += steps
    replicas.free_s[g] = at_s
    replicas.ready_s[g] = at_s if busy else np.inf


@compiled
def step(
    replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, o: Observed, g: int
) -> None:
    """One iteration of the replicas of group `g`, which all take as long as the slowest of them."""
    now, longest = replicas.ready_s[g], 0.0
    first = g * rules.together
    for r in range(first, first + rules.together):
        schedule(replicas, sent, served, times, rules, r, now)
        took, stage, prompt = duration(replicas, served, times, rules, r)
        replicas.prompt[r] = prompt
        if rules.lanes > 1 and took > 0.0:
            # behind the micro-batch before it: into the first stage, and out of the last one
            p = r // rules.lanes
            begins = max(now, replicas.entrance_s[p])
            ends = max(begins + took, replicas.exit_s[p] + stage)
            replicas.entrance_s[p], replicas.exit_s[p] = begins + stage, ends
            # the next chunk of a prompt follows at once, since no token comes out that it would wait for
            took = (ends if gives_tokens(replicas, served, r) else begins + stage) - now
        longest = max(longest, took)
    busy, all_finished = False, 0
    for r in range(first, first + rules.together):
        running, waiting = replicas.active[r], replicas.waiting[r]
        share = held(times, rules, running, replicas.blocks[r]) / rules.room
        finished, tokens = finish(replicas, sent, served, rules, r, now + longest, 1)
        all_finished += finished
        if running > 0:
            of_time = (float(running), float(waiting), share, float(replicas.prompt[r]), float(tokens))
            observe(o, now, longest, of_time)
        busy = busy or replicas.active[r] > 0 or replicas.waiting[r] > 0
    ended(replicas, g, all_finished, 1, now + longest, busy)


@compiled
def advance(
    replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, o: Observed, iterations: int
) -> bool:
    """At most so many iterations more; whether all requests are finished."""
    n, before = sent.arrival_s.size, replicas.progress[2]
    while replicas.progress[1] < n:
        if replicas.progress[2] - before >= iterations:
            return False
        g = int(np.argmin(replicas.ready_s))
        upcoming = replicas.progress[0]
        # those that arrive at the moment at which an iteration begins are in it
        if upcoming < n and sent.arrival_s[upcoming] <= replicas.ready_s[g]:
            arrive(replicas, sent, served, times, rules)
        elif rules.together * rules.lanes > 1 or not leap(replicas, sent, served, times, rules, o, g):
            step(replicas, sent, served, times, rules, o, g)
    return True
