"""The loop over events: a request arrives, or replicas that step together begin an iteration."""

import numpy as np

from dse.simulate.compiled import compiled
from dse.simulate.interpolate import seconds
from dse.simulate.policies import FREE_PROMPTS
from dse.simulate.scheduler import blocks_of, finish, held, push_back, schedule
from dse.simulate.state import Observed, Replicas, Rules, Sent, Served, Times


@compiled
def route(replicas: Replicas, rules: Rules) -> int:
    """The replica that the next request goes to."""
    last, n = replicas.progress[3], replicas.count.size
    best = (last + 1) % n
    if rules.router == 1:
        # one that waits weighs as much as four that run, as engines with several ranks have it
        least = 4 * replicas.waiting[best] + replicas.count[best]
        for step in range(1, n):
            r = (best + step) % n
            load = 4 * replicas.waiting[r] + replicas.count[r]
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
    if held(times, rules, 1, most) > rules.room:
        served.replica[i] = -1
        replicas.progress[1] += 1
        return
    r = route(replicas, rules)
    served.replica[i] = r
    push_back(replicas, served, r, i)
    g = r // rules.together
    # replicas at work see it when their iteration ends
    if replicas.ready_s[g] == np.inf:
        replicas.ready_s[g] = sent.arrival_s[i]


@compiled
def duration(
    replicas: Replicas, served: Served, times: Times, rules: Rules, r: int
) -> tuple[float, int, int]:
    """Seconds of the iteration that is scheduled, and its tokens of prompts and of output."""
    decoding, context, prompt, seen = 0, 0.0, 0, 0.0
    for at in range(replicas.count[r]):
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
        return 0.0, 0, 0
    mean = context / decoding if decoding else 0.0
    sees = seen / prompt if prompt else 0.0
    return seconds(times, decoding, mean, prompt, sees), prompt, decoding


@compiled
def observe(o: Observed, begins_s: float, took_s: float, running: int, waiting: int, share: float) -> int:
    """Add an iteration to the interval in which it begins; which one that is."""
    last = o.busy_s.size - 1
    # twice as wide where time goes on beyond the last one
    while begins_s / o.width_s[0] >= last + 1:
        for sums in (o.busy_s, o.running, o.waiting, o.held, o.prompt, o.output):
            for k in range(last + 1):
                both = (sums[2 * k] + sums[2 * k + 1]) if 2 * k + 1 <= last else 0.0
                sums[k] = both
        o.width_s[0] *= 2.0
    k = int(begins_s / o.width_s[0])
    o.busy_s[k] += took_s
    o.running[k] += took_s * running
    o.waiting[k] += took_s * waiting
    o.held[k] += took_s * share
    return k


@compiled
def step(
    replicas: Replicas, sent: Sent, served: Served, times: Times, rules: Rules, o: Observed, g: int
) -> None:
    """One iteration of the replicas of group `g`, which all take as long as the slowest of them."""
    now, longest = replicas.ready_s[g], 0.0
    first = g * rules.together
    for r in range(first, first + rules.together):
        schedule(replicas, sent, served, times, rules, r, now)
        longest = max(longest, duration(replicas, served, times, rules, r)[0])
    busy = False
    for r in range(first, first + rules.together):
        prompt, decoding = duration(replicas, served, times, rules, r)[1:]
        share = held(times, rules, replicas.count[r], replicas.blocks[r]) / rules.room
        if replicas.count[r] > 0:
            k = observe(o, now, longest, replicas.count[r], replicas.waiting[r], share)
            o.prompt[k] += prompt
            o.output[k] += decoding
        replicas.progress[1] += finish(replicas, sent, served, r, now + longest)
        busy = busy or replicas.count[r] > 0 or replicas.waiting[r] > 0
    replicas.progress[2] += 1
    replicas.ready_s[g] = now + longest if busy else np.inf


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
        else:
            step(replicas, sent, served, times, rules, o, g)
    return True
