"""What says that a question is of pools to everything that does not know them."""

from dse.errors import spec_error


def refuse_pools() -> None:
    """Raise `SpecError`: a study of pools must not be taken for one of single chips."""
    what = "expected single chips, got pools, which `dse sweep`, `run`, `front`, `report` and others know"
    raise spec_error("", what)
