"""Values that a stranger may write where a sane one is expected."""

import random
from typing import Any

TEXTS = (
    "", " ", "null", "NaN", "inf", "-inf", "1e400", "²", "٣", "=1+1", "@x", "-x", "+1", "'", '"', "\\", "%s",
    "{}", "{0}", "../../../etc/passwd", "/dev/null", "h100-sxm", "llama2-7b", "x" * 300, "x" * 20_000, "a\nb",
    "a\tb", "\x1b[2J\x1b[31mred", "\x07\x08\r", "\u202egnp.exe", "\u2028", "\ufeff", "ü", "日本",
    "(", "[", "*", "<script>alert(1)</script>", "2026-13-45", "2026-02-30", "0000", "$HOME", "`id`", "~",
    "a" * 90 + "!", "(a+)+$", "yes", "no", "0x10", "1_0", "1,5",
)  # fmt: skip
QUANTITIES = (
    "9^9^9^9 B", "2^2^40", "2**2**40 B", "2²B", "(1,2) B", "1e400 B", "1_0 GB", "-1 GB", "0 B", "1e30 B",
    "1e-30 B", "1e29 B/s", "1e-29 s", "1e30 USD", "1e30 token", "1e-30 token", "0 s", "0 USD", "1e12 token",
    "1 B" * 50, "1 __import__", "1 GB/0", "1/0", "1 lambda", "nan B", "inf s", "1 B B", "1 kkB", "5",
    "1e29 FLOP/s", "1e-29 m2", "1e29 m2", "1e29 W", "0 W", "0 m2", "50 %", "1000 %", "1e300", "1e-300",
    "0 FLOP/s", "0 B/s", "1e-29 B/s",
)  # fmt: skip
NUMBERS = (
    0, 1, -1, 2, 3, 7, 64, 18_432, 10_000, 10_001, 10**6, 10**9, 10**9 + 1, 10**12, 10**18, 10**19, -(10**19),
    0.0, 0.5, -0.5, 1.5, 1e-300, 1e-30, 1e30, 1e300, float("inf"), float("-inf"), float("nan"), True, False,
    None,
)  # fmt: skip


def value(draw: random.Random, depth: int = 0) -> Any:
    """Any plain value."""
    kind = draw.randrange(12 if depth < 2 else 9)
    if kind < 3:
        return draw.choice(TEXTS)
    if kind < 6:
        return draw.choice(QUANTITIES)
    if kind < 9:
        return draw.choice(NUMBERS)
    if kind == 9:
        return [value(draw, depth + 1) for _ in range(draw.choice((0, 1, 2, 30)))]
    if kind == 10:
        return {str(value(draw, 2)): value(draw, depth + 1) for _ in range(draw.choice((0, 1, 3)))}
    return [draw.choice(NUMBERS)] * draw.choice((1_001, 5_000))


def near(draw: random.Random, old: Any) -> Any:
    """A value of the type of `old`, or nearly so, of another size."""
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return draw.choice(
            (old + 1, old - 1, old * 10, old * 1_000, old * 10**6, -old, 0, 1, float(old), str(old))
        )
    if isinstance(old, float):
        return draw.choice((old * 1e6, old * 1e-6, -old, 0.0, 1.0, old * 1e20, str(old)))
    if isinstance(old, str):
        return _near_text(draw, old)
    if isinstance(old, list):
        return draw.choice((old[:-1], old * 2, old[::-1], [*old, value(draw)], [old], []))
    if isinstance(old, dict):
        return draw.choice((dict(list(old.items())[:-1]), {**old, "x": 1}, list(old), {}))
    return value(draw)


def _near_text(draw: random.Random, old: str) -> Any:
    head, _, tail = old.partition(" ")
    if head.replace(".", "", 1).isdigit():
        scaled = f"{float(head) * 10 ** draw.choice((-20, -6, -3, 3, 6, 20)):g} {tail}"
        return draw.choice(
            (scaled, f"0 {tail}", f"-{old}", head, f"{old}/s", f"{old} {old}", f"1e400 {tail}")
        )
    return draw.choice(
        (old[:-1], old.upper(), old * 2, f"{old}-x", f" {old}", f"{old}\x1b[31m", [old], {old: old})
    )
