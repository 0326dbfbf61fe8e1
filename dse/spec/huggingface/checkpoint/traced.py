"""Keys that remember which of them were read, at any depth: what is left is what an import ignores."""

from collections.abc import Iterator, Mapping


class Traced(dict[str, object]):
    """Plain data whose keys are noted when they are read by name; so are those inside a key."""

    def __init__(self, data: Mapping[str, object]) -> None:
        super().__init__({key: _traced(value) for key, value in data.items()})
        self._read: set[str] = set()

    def __getitem__(self, key: str) -> object:
        found = super().__getitem__(key)
        self._read.add(key)
        return found

    def get(self, key: str, otherwise: object = None) -> object:
        """As of any mapping."""
        if key not in self:
            return otherwise
        return self[key]

    def peek(self, key: str) -> object:
        """A value, without a trace."""
        return super().get(key)

    def touch(self, *keys: str) -> None:
        """Notes keys as read."""
        self._read.update(keys)

    @property
    def used(self) -> frozenset[str]:
        """Keys that were read."""
        return frozenset(self._read)

    def unused(self) -> Iterator[str]:
        """Names of keys that were not read, as `a.b` for those inside a key of which others were."""
        yield from _unused([self], "")

    @property
    def touched(self) -> bool:
        """Whether any key was read, here or inside."""
        return bool(self._read) or any(part.touched for value in self.values() for part in _parts(value))


def plain(value: object) -> object:
    """The same data; reading it leaves no trace."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def _traced(value: object) -> object:
    if isinstance(value, dict):
        return Traced(value)
    return [_traced(inner) for inner in value] if isinstance(value, list) else value


def _parts(value: object) -> list[Traced]:
    """What has keys of its own: the value, or items of a list."""
    if isinstance(value, Traced):
        return [value]
    return [inner for inner in value if isinstance(inner, Traced)] if isinstance(value, list) else []


def _unused(alike: list[Traced], inside: str) -> Iterator[str]:
    """Names of keys that none of some parts read: one part, or all that a list has."""
    used = {key for one in alike for key in one.used}
    for key in dict.fromkeys(key for one in alike for key in one):
        parts = [part for one in alike for part in _parts(one.peek(key)) if part.touched]
        if parts:
            yield from _unused(parts, f"{inside}{key}.")
        elif key not in used:
            yield f"{inside}{key}"
