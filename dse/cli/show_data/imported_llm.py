"""What `dse import` says of an LLM: sizes for people on stderr, all of it for programs."""

from collections.abc import Iterator, Sequence

from dse.cli.terminal.tables import remark
from dse.spec.huggingface.checkpoint.harmless import EMPTY
from dse.spec.huggingface.config import Imported
from dse.validate.llms.sizes import ACTIVE_RULES
from objectives.api import CrossAttention

_BYTES = 2.0
"""Of an element of KV cache in 16 bits [B]."""


_NAMED = 6
"""Keys of those that say nothing that are named."""


def say_imported(found: Imported) -> None:
    """Remarks on what was counted, read and passed over."""
    for line in _lines(found):
        remark(line)


def imported_dict(found: Imported) -> dict[str, object]:
    """The same as plain data."""
    counts, spec = found.counts, found.spec
    return {
        "name": spec.name,
        "layers": _layers(found),
        "params": counts.params,
        "active_params": counts.active,
        "active_of": "all",
        "draft_params": counts.drafting,
        "kv_elements_per_token": counts.kv_elements,
        "kv_elements_at_longest_context": counts.kv_longest,
        "kv_elements_of_encoder_per_request": counts.kv_of_encoder,
        "state_bytes_per_sequence": counts.state_bytes,
        "longest_context_tokens": spec.context,
        "formats": None if spec.formats is None else spec.formats.model_dump(),
        "read": list(found.read),
        "left_out": dict(found.filled),
        "ignored": {why: list(keys) for why, keys in found.ignored.items()},
        "architecture_note": spec.architecture.note,
        "notes": spec.notes,
        "llm": spec.model_dump(mode="json"),
    }


def _lines(found: Imported) -> Iterator[str]:
    """Sizes first, then keys, then remarks."""
    counts, spec = found.counts, found.spec
    rule = f"`all`: {ACTIVE_RULES['all']}"
    active = "" if counts.active == counts.params else f", {counts.active:,} of them active ({rule})"
    yield f"{spec.name}: {_layers(found)} layers, {counts.params:,} parameters{active}"
    longest = f"longest context {spec.context:,} tokens" if spec.context else "no longest context in the file"
    yield f"KV cache: {_kv(found)}; {longest}"
    if counts.kv_of_encoder:
        size = _BYTES * counts.kv_of_encoder
        kept = f"{counts.kv_of_encoder:,.0f} elements ({size:,.0f} B in 16 bits) a request"
        yield f"KV cache of the rows of the encoder: {kept}"
    if counts.state_bytes:
        state = f"{counts.state_bytes:,.0f} B a sequence"
        yield f"State: {state}, whatever its length and in addition to KV cache"
    if spec.draft_layers is not None:
        modules = f"{spec.draft_layers.count} modules" if spec.draft_layers.count > 1 else "1 module"
        yield f"Drafts (MTP): {modules}, {counts.drafting:,} parameters in addition to those above"
    if spec.formats is not None:
        named = spec.formats.model_dump()
        yield f"Weights: {', '.join(f'{part} {form}' for part, form in named.items())}"
    yield f"Read: {', '.join(found.read)}"
    if found.filled:
        meant = ", ".join(f"{key} ({_said(value)})" for key, value in found.filled.items())
        yield f"Left out or null, and what it means: {meant}"
    for why, keys in found.ignored.items():
        # keys that say nothing are many, and all of them are in the JSON
        listed = _few(keys) if why == EMPTY else ", ".join(keys)
        yield f"Ignored ({why.partition(':')[0].partition(';')[0]}): {listed}"
    for note in (spec.architecture.note, spec.notes):
        if note:
            yield f"Note: {note}"


def _few(keys: Sequence[str]) -> str:
    """The first keys, and how many more there are."""
    more = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (
        f" and {more} more {'key' if more == 1 else 'keys'}" if more > 0 else ""
    )


def _said(value: object) -> str:
    return "none" if value is None else str(value).lower()


def _kv(found: Imported) -> str:
    """Elements and bytes that a token leaves, and a sequence of the longest context."""
    counts = found.counts
    a_token = f"{counts.kv_elements:,.0f} elements ({_BYTES * counts.kv_elements:,.0f} B in 16 bits) a token"
    if counts.kv_longest is None:
        return a_token
    longest = f"{a_token}, {_BYTES * counts.kv_longest / 1e9:,.4g} GB a sequence of the longest context"
    # entries of an encoder are none of tokens
    of_tokens = counts.kv_longest - counts.kv_of_encoder
    if of_tokens < (1.0 - 1e-6) * counts.kv_elements * (found.spec.context or 0):
        longest += " (some layers keep only a window of its tokens)"
    return longest


def _layers(found: Imported) -> int:
    """Layers as people count them: self and cross attention of two blocks are of one layer."""
    blocks = found.spec.resolve().blocks
    crossed = any(isinstance(block.attention, CrossAttention) for block in blocks)
    fed = [block.ffn or block.experts or block.matrices for block in blocks]
    return sum(b.count for b, has in zip(blocks, fed, strict=True) if has or not crossed)
