"""What every kind of attention must keep, as a plain pytest class.

The test file of an external kind needs no more than this:

    class TestMine(AttentionContract):
        @pytest.fixture
        def subject(self):
            return MY_KIND

        def keys(self, subject):
            return ({"heads": 32, "slots": 256},)

The last law estimates a network through the default cost model, so the kind must be registered.
"""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace

import numpy as np

from dse.bounds.speed_of_light import check, speed_of_light
from dse.plugins import cost_model
from dse.spec.attention.kind import KindEntry, kv_visited
from dse.spec.attention.registered import faults
from dse.testing import samples
from dse.testing.checks import ROUNDING, require
from objectives.api import AttentionLayer, Block, Ffn, Llm
from objectives.arrays import Array
from objectives.equations.llm.attention.kinds import visited

Entry = KindEntry[AttentionLayer]

HIDDEN = 1024
WAYS = np.asarray([1.0, 2.0, 4.0, 8.0])
"""Tensor-parallel ways that a layer is split in."""
LENGTHS = np.asarray([[1.0, 2.0, 100.0], [1e3, 4097.0, 1e5]])
"""Contexts and prompts; of two axes, so that a function which assumes one shows."""


class AttentionContract:
    """Laws of every `dse.spec.attention.kind.KindEntry`; give a `subject` fixture and `keys`."""

    def keys(self, subject: Entry) -> Sequence[Mapping[str, object]]:
        """Layers that the kind is tried on, as a file writes them; one for each feature that it may have."""
        raise NotImplementedError(f"keys: expected layers of {subject.spec.__name__} to try, got none")

    def layers(self, subject: Entry) -> Iterator[AttentionLayer]:
        """Those layers, as the equations want them."""
        for keys in self.keys(subject):
            yield subject.spec.model_validate(keys).resolve()

    def test_it_looks_like_a_kind_of_attention(self, subject: Entry) -> None:
        """A class, its keys, and every function of both counts."""
        require(isinstance(subject, KindEntry), "plug-in", "a KindEntry", type(subject))
        found = list(faults(subject))
        require(not found, "plug-in", "a whole kind of attention", found)

    def test_its_keys_make_a_layer_of_its_class(self, subject: Entry) -> None:
        """A frozen dataclass with heads, equal to its copy in another process."""
        for layer in self.layers(subject):
            kind = type(layer)
            require(kind is subject.architecture, "resolve", subject.architecture.__name__, kind.__name__)
            require(is_dataclass(layer), "architecture", "a dataclass", kind)
            require(layer.heads >= 1, "heads", "at least 1", layer.heads)
            require(
                pickle.loads(pickle.dumps(layer)) == layer, "layer", "one that a process can be sent", layer
            )
            require(isinstance(hash(layer), int), "layer", "a frozen dataclass", layer)

    def test_counts_are_finite_and_keep_the_shape_of_what_they_are_given(self, subject: Entry) -> None:
        """Arrays in, arrays of the same shape out, never below 0."""
        for layer in self.layers(subject):
            for name, count in self._split(subject, layer, WAYS.reshape(2, 2)).items():
                _numbers(name, count, (2, 2))
            for name, count in self._lengths(subject, layer, LENGTHS).items():
                _numbers(name, count, LENGTHS.shape)

    def test_each_split_and_each_length_is_counted_by_itself(self, subject: Entry) -> None:
        """An array gives what its numbers give one at a time."""
        for layer in self.layers(subject):
            for name, count in self._split(subject, layer, WAYS).items():
                one = [float(self._split(subject, layer, float(tp))[name]) for tp in WAYS]
                require(np.array_equal(count, one), name, f"{one}, as one at a time", count)
            for name, count in self._lengths(subject, layer, LENGTHS).items():
                each = [float(self._lengths(subject, layer, float(n))[name]) for n in LENGTHS.flat]
                require(np.array_equal(np.ravel(count), each), name, f"{each}, as one at a time", count)

    def test_a_split_layer_is_no_smaller_than_the_whole(self, subject: Entry) -> None:
        """Over all chips of a split; and no chip has more than a chip that has all."""
        for layer in self.layers(subject):
            for name, count in self._split(subject, layer, WAYS).items():
                whole = float(count[0])
                enough = bool((count * WAYS >= whole * (1.0 - ROUNDING)).all())
                require(
                    enough, name, f"at least {whole:g} over {WAYS.tolist()} ways", (count * WAYS).tolist()
                )
                less = bool((count <= whole * (1.0 + ROUNDING)).all())
                require(less, name, f"at most {whole:g} on each of {WAYS.tolist()} ways", count.tolist())

    def test_weights_of_projections_are_parameters(self, subject: Entry) -> None:
        """The layer has no fewer parameters than its projections have weights."""
        for layer in self.layers(subject):
            weights = float(subject.counts.projection_elements(layer, HIDDEN, 1.0))
            counted = subject.counts.params(layer, HIDDEN)
            require(counted >= weights, "params", f"at least the {weights:g} of its projections", counted)

    def test_rows_see_no_more_than_there_is(self, subject: Entry) -> None:
        """A row sees at most its context; what is kept grows with the context, and is at most all of it."""
        for layer in self.layers(subject):
            for name, count in self._lengths(subject, layer, LENGTHS).items():
                within = bool((count <= LENGTHS).all())
                require(within, name, f"at most {LENGTHS.tolist()} tokens", count.tolist())
            kept = np.ravel(subject.counts.kept(layer, LENGTHS))
            require(bool((np.diff(kept) >= 0.0).all()), "kept", "numbers that grow", kept.tolist())

    def test_the_second_count_is_never_above_the_first(self, subject: Entry) -> None:
        """Of one layer on one chip: weights, KV cache, state, and FLOP of decode and of prompts."""
        for layer in self.layers(subject):
            for name, (second, first) in self._both(subject, layer).items():
                _numbers(f"second count of {name}", second, np.shape(first))
                most = np.asarray(first) * (1.0 + ROUNDING)
                kept = bool((second <= most).all())
                require(kept, f"second count of {name}", f"at most {np.asarray(first).tolist()}", second)

    def test_nothing_beats_the_speed_of_light(self, subject: Entry) -> None:
        """The default cost model, for a network with the layer."""
        designs, context = samples.designs(), samples.contexts()[1]
        for layer in self.layers(subject):
            block = Block(count=10, attention=layer, ffn=Ffn(width=4096, matrices=3))
            llm = Llm(name="tried", hidden=HIDDEN, vocab=1000, blocks=(block,), nominal_params=1e8)
            with_it = replace(context, llm=llm)
            check(cost_model("roofline").evaluate(designs, with_it), speed_of_light(designs, with_it))

    def _split(self, subject: Entry, layer: AttentionLayer, tp: Array) -> dict[str, Array]:
        """Every count that depends on TP; a kind without a state has none of that."""
        counts = subject.counts
        state = counts.state_bytes(layer, tp)
        return {
            "projection_elements": counts.projection_elements(layer, HIDDEN, tp),
            "projection_traffic": counts.projection_traffic(layer, HIDDEN, tp),
            "kv_elements": counts.kv_elements(layer, tp),
            "core_flop": counts.core_flop(layer, tp),
            "prompt_core_flop": counts.prompt_core_flop(layer, tp),
            **({} if state is None else {"state_bytes": state}),
        }

    def _lengths(self, subject: Entry, layer: AttentionLayer, length: Array) -> dict[str, Array]:
        """Every count that depends on a length."""
        return {
            "seen": subject.counts.seen(layer, length),
            "kept": subject.counts.kept(layer, length),
            "seen_by_prompt": subject.counts.seen_by_prompt(layer, length),
        }

    def _both(self, subject: Entry, layer: AttentionLayer) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Name of an amount to what the second count says of it, and the first."""
        first, second = subject.counts, subject.second_count
        # sequences that decode one token more each, from every length on
        contexts = LENGTHS[..., None] + np.arange(5000.0)
        mean, most = contexts.mean(axis=-1), contexts.max(axis=-1)
        seen = second.seen(layer, mean, most), np.mean(first.seen(layer, contexts), axis=-1)
        kept = second.kept(layer, most), first.kept(layer, most)
        rows = second.pairs(layer, LENGTHS), LENGTHS * first.seen_by_prompt(layer, LENGTHS)
        flop, kv = second.core_flop(layer), second.kv_elements(layer)
        first_kv, state = first.kv_elements(layer, 1.0), first.state_bytes(layer, 1.0)
        visit = visited(first, layer, 1.0)
        read = kv_visited(second, layer), first_kv if visit is None else visit
        pairs = {
            "weights": (second.weights(layer, HIDDEN), first.projection_elements(layer, HIDDEN, 1.0)),
            "state": (second.state_bytes(layer), 0.0 if state is None else state),
            "KV cache that a row reads": (read[0] * seen[0], read[1] * seen[1]),
            "KV cache that is kept": (kv * kept[0], first_kv * kept[1]),
            "FLOP of a row": (flop * seen[0], first.core_flop(layer, 1.0) * seen[1]),
            "FLOP of a prompt": (flop * rows[0], first.prompt_core_flop(layer, 1.0) * rows[1]),
        }
        return {name: (np.asarray(a, float), np.asarray(b, float)) for name, (a, b) in pairs.items()}


def _numbers(name: str, count: Array, shape: tuple[int, ...]) -> None:
    """Finite, of a shape, and not below 0."""
    require(np.shape(count) == shape, name, f"an array of shape {shape}", np.shape(count))
    fine = bool((np.isfinite(count) & (np.asarray(count) >= 0.0)).all())
    require(fine, name, "finite numbers of at least 0", np.asarray(count).tolist())
