"""A remark on measured rows."""

from dataclasses import dataclass

from dse.validate.measured.row import Measured


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What a reader of some rows must know: they contradict each other, or something was taken for them."""

    rows: tuple[Measured, ...]
    text: str
    detail: str = ""
    """What differs between rows of the same text."""

    @property
    def whole(self) -> str:
        """Text and detail."""
        return f"{self.text} ({self.detail})" if self.detail else self.text
