"""`python -m dse.calibrate.runs FOLDER`: fit the stack of the recorded runs of a configs folder again.

To be run after `python -m dse.calibrate.bundled FOLDER`, since the fit starts at a stack written there.
"""

import sys
from pathlib import Path

from dse.calibrate.runs.fit import NAME, fitted
from dse.front.files import write_files
from dse.plugins import cost_model
from dse.spec.catalog.lookup import Catalog

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    profile, found = fitted(cost_model("roofline"), Catalog.of(folder), print)
    write_files({folder / "stacks" / f"{NAME}.yaml": profile.yaml()})
    for r in found.residuals():
        print(f"{r.metric}: {r.median:.1%} of {r.n} rows, bias {r.bias:.1%}, left out {r.unseen or 0.0:.1%}")
