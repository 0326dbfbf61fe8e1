"""A study with the text of all its own files, so that another machine can read it."""

import atexit
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dse.errors import SpecError, spec_error
from dse.question.money import paid_by
from dse.question.resolved_study import ResolvedStudy, digest, load_study
from dse.question.substance import substance
from dse.reading import YAML_LIMIT, read_text


@dataclass(frozen=True, kw_only=True)
class StudyBundle:
    """Plain data. Files that ship with the package are left out: every machine has them."""

    study: str
    """Path of the study among `files`."""
    case: str | None
    files: tuple[tuple[str, str], ...]
    """Path and text of the study and of a user's own configs, these under `configs`."""
    workload_targets: bool
    """Whether the latency targets of its workloads hold."""
    confidence: float | None
    """Probability that targets are met with; None where the estimate itself meets them."""
    economy: str
    """Name of its economy, which a command may have exchanged."""
    settings: tuple[tuple[str, str | float], ...]
    """Its settings, to which a command may have added."""
    digest: str
    """Of the question: a machine on which the files ask another question raises."""

    def opened(self) -> ResolvedStudy:
        """The study, read from a temporary folder that is removed when this process ends.

        Raises `SpecError` where it cannot be read, and where it is not the study that was sent.
        """
        place = TemporaryDirectory(prefix="dse-study-")
        # to the end of the process, since a catalog reads its files when they are needed
        atexit.register(place.cleanup)
        root = Path(place.name)
        for name, text in self.files:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        configs = root / "configs"
        name = str(root / self.study) + (f"/{self.case}" if self.case else "")
        study = load_study(name, configs if configs.is_dir() else None)
        study = paid_by(study, self.economy, dict(self.settings)).confident(self.confidence)
        study = study if self.workload_targets else study.lifted()
        if digest(substance(study.question)) != self.digest:
            raise spec_error(
                "",
                "its configs differ from those of the machine that sent the study; install the same version",
            )
        return study


def bundle_of(study: ResolvedStudy) -> StudyBundle:
    """The bundle of a study that is in a file as it is, but for lifted targets or a probability of them."""
    path = study.path.resolve()
    name = f"study/{path.parent.name}/{path.name}"
    own, *bundled = study.setting.catalog.folders
    files = [(name, read_text(path, YAML_LIMIT))]
    # a catalog of one folder holds the files of the package alone
    if bundled:
        # sorted, so that two bundles of one study are equal: workers cache by them
        found = sorted(own.rglob("*.yaml"))
        files += [(f"configs/{p.relative_to(own).as_posix()}", read_text(p, YAML_LIMIT)) for p in found]
    return StudyBundle(
        study=name,
        case=study.case,
        files=tuple(files),
        workload_targets=study.spec.workload_targets,
        confidence=study.spec.confidence,
        economy=study.spec.economy,
        settings=tuple((study.spec.settings or {}).items()),
        digest=digest(substance(study.question)),
    )


def located(error: SpecError, place: str) -> SpecError:
    """`error` on another machine, with the name of that machine."""
    return spec_error("--scheduler", f"{place}: {'; '.join(str(p) for p in error.problems)}")
