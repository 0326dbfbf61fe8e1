"""Start-up of the command line against that of bare Python, side by side.

Run it as a program: `python tests/bench/startup.py [TIMES]`.
"""

import subprocess
import sys
import time
from statistics import median


def measure(times: int = 10) -> tuple[float, float]:
    """Median seconds of `dse --help` and of `python -c pass`, taken in turns."""
    commands = ([sys.executable, "-m", "dse", "--help"], [sys.executable, "-c", "pass"])
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for kept, command in zip(seconds, commands, strict=True):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            kept.append(time.perf_counter() - start)
    return median(seconds[0]), median(seconds[1])


if __name__ == "__main__":
    ours, python = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    print(f"dse --help {ours * 1e3:.0f} ms, of which Python itself {python * 1e3:.0f} ms")
