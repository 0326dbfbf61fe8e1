"""Systems with two pools of unlike chips: what crosses between the pools, and how fast both run together.

Here belongs what two pools make of each other's times: attention and FFN, prefill and decode, draft and
verify. Times inside one pool come from `step`, rates of requests from `serving`.
"""
