"""Start-up of the command line against that of bare Python, side by side.

Run it as a program: `python tests/bench/startup.py [TIMES]`.
"""

import subprocess
import sys
import time
from statistics import median

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "dse --help": ["-m", "dse", "--help"],
    "dse estimate --help": ["-m", "dse", "estimate", "--help"],
    "dse check CHIP": ["-m", "dse", "check", "configs/chips/h100-sxm.yaml"],
    "dse run --help": ["-m", "dse", "run", "--help"],
}


def measure(times: int = 10, commands: dict[str, list[str]] = COMMANDS) -> dict[str, float]:
    """Median seconds of each command, taken in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        for name, arguments in commands.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - start)
    return {name: median(found) for name, found in seconds.items()}


if __name__ == "__main__":
    for name, found in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10).items():
        print(f"{name:22s} {found * 1e3:6.0f} ms")
