"""Options of the verbs that search a study and print its answer."""

import os
import shlex
from dataclasses import dataclass

from dse.cli.input.eligibility import WithUnanchored
from dse.cli.input.money_options import MoneyOptions
from dse.cli.input.options import Confidence, Configs, NoTargets, Out, SoftwareOption
from dse.cli.show.uncertainty import MANY, NoIntervals, Samples
from dse.masks import STORAGE, hidden


@dataclass(frozen=True, kw_only=True)
class AnswerOptions:
    """Assumptions of the answer, samples of its uncertainty, and folders."""

    software: SoftwareOption = None
    no_targets: NoTargets = False
    confidence: Confidence = None
    with_unanchored: WithUnanchored = False
    samples: Samples = MANY
    no_intervals: NoIntervals = False
    out: Out = None
    configs: Configs = None

    @property
    def drawn(self) -> int:
        """How many samples are drawn [1]; 0 with --no-intervals."""
        return 0 if self.no_intervals else self.samples


def repeated(
    verb: str, study: str, options: AnswerOptions, paid: MoneyOptions | None = None, **values: object
) -> str:
    """The command that continues a search that was interrupted, and gives the same answer."""
    samples = None if options.no_intervals or options.samples == MANY else options.samples
    # what comes from the environment comes from there again
    if values.get("storage") == os.environ.get(STORAGE):
        values["storage"] = None
    given = {
        **values,
        "confidence": options.confidence,
        "samples": samples,
        "out": options.out,
        "configs": options.configs,
    }
    flags = {
        "--no-targets": options.no_targets,
        "--with-unanchored": options.with_unanchored,
        "--no-intervals": options.no_intervals,
    }
    # an option that was left out keeps its default when the command is repeated
    words = [part for name, v in given.items() if v is not None for part in (f"--{name}", _shown(name, v))]
    set_flags = [flag for flag, is_set in flags.items() if is_set]
    return shlex.join(["dse", verb, study, *words, *(paid or MoneyOptions()).words(), *set_flags])


def _shown(name: str, value: object) -> str:
    return hidden(str(value)) if name == "storage" else str(value)
