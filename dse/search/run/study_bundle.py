"""A study as another machine can read it: the text of every file of its own."""

import atexit
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from dse.errors import SpecError, spec_error
from dse.question.resolved_study import ResolvedStudy, digest, load_study


@dataclass(frozen=True, kw_only=True)
class StudyBundle:
    """Plain data. What ships with the package is not in it: every machine has that."""

    study: str
    """Path of the study among `files`."""
    case: str | None
    files: tuple[tuple[str, str], ...]
    """Path and text of the study and of a user's own configs, these under `configs`."""
    workload_targets: bool
    """Whether the latency targets of its workloads hold."""
    digest: str
    """Of the question: a machine that makes another one of the files is refused."""

    def opened(self) -> ResolvedStudy:
        """The study, read here; its files lie in a folder of their own until this process ends.

        Raises `SpecError` where it cannot be read, and where it is not the study that was sent.
        """
        place = TemporaryDirectory(prefix="dse-study-")
        atexit.register(place.cleanup)
        root = Path(place.name)
        for name, text in self.files:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        configs = root / "configs"
        name = str(root / self.study) + (f"/{self.case}" if self.case else "")
        study = load_study(name, configs if configs.is_dir() else None)
        study = study if self.workload_targets else study.lifted()
        if digest(study.question) != self.digest:
            raise spec_error(
                "", "its configs are not those of the machine that asks; install the same version"
            )
        return study


def bundle_of(study: ResolvedStudy) -> StudyBundle:
    """What to send of a study that lies in a file as it is, but for targets that are lifted."""
    path = study.path.resolve()
    name = f"study/{path.parent.name}/{path.name}"
    own, *bundled = study.setting.catalog.folders
    files = [(name, path.read_text(encoding="utf-8"))]
    if bundled:
        found = sorted(own.rglob("*.yaml"))
        files += [(f"configs/{p.relative_to(own).as_posix()}", p.read_text(encoding="utf-8")) for p in found]
    return StudyBundle(
        study=name,
        case=study.case,
        files=tuple(files),
        workload_targets=study.spec.workload_targets,
        digest=digest(study.question),
    )


def there(error: SpecError, place: str) -> SpecError:
    """What is wrong with a study on another machine."""
    return spec_error("--scheduler", f"{place}: {'; '.join(str(p) for p in error.problems)}")
