"""Output for programs: plain floats, units in the keys, no NaN."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from math import isfinite

from dse.text import cells, visible, visible_json


def print_rows(rows: Sequence[Mapping[str, object]], form: str) -> None:
    """Write rows of the same keys to stdout as `csv` or `json`."""
    if form == "json":
        print_json(list(rows))
    else:
        print_csv(rows)


def print_json(data: object) -> None:
    """Write plain data to stdout as JSON."""
    # NaN and infinity are not JSON (RFC 8259); null says that there is no number
    text = json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(visible_json(text) + "\n")


def print_csv(rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows of the same keys to stdout as CSV; None is an empty cell, and no cell is a formula."""
    if not rows:
        return
    # the module ends lines with \r\n by default, which other programs take for data
    writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        cells({k: visible(v) if isinstance(v, str) else v for k, v in row.items()}) for row in rows
    )


def print_text(text: str) -> None:
    """Write a text of several lines to stdout."""
    sys.stdout.write(visible(text))


def print_bytes(data: bytes) -> None:
    """To stdout as it is; a captured stdout may take text only."""
    # text that is still buffered comes before the bytes
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(data.decode())
    else:
        buffer.write(data)
        buffer.flush()


def _finite(data: object) -> object:
    if isinstance(data, float):
        return data if isfinite(data) else None
    if isinstance(data, Mapping):
        # JSON has no keys but texts
        return {str(k): _finite(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(v) for v in data]
    return data
