"""Files of strangers, one of each kind: refused with file and line, in time, before memory is taken."""

import gzip
import os
import socket
from pathlib import Path
from threading import Thread

import pytest
from hostile.doors import alarm, ends_in_words
from said import call

from dse.reading import YAML_LIMIT

HEADER = "chip,llm,weights,isl,osl,metric,value,batch,batch_kind"
ROW = "h100-sxm,llama2-7b,fp16,128,128,tpot_ms,15,8,static"
LLAMA = (
    '{"model_type": "llama", "hidden_size": 64, "vocab_size": 100, "num_hidden_layers": 2,\n'
    '"num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 128}'
)
LEVELS = "\n".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "\n".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
STUDY = "kind: study\nname: x\nprecision: {weights: fp16, kv: fp16, activations: {}}\n"

YAMLS = {
    "aliases that grow": (f"kind: chip\na: &a [x, x]\n{LEVELS}\n", 7, "expected at most 100,000 values"),
    "merges that grow": (f"kind: chip\na: &a {{x: 1, y: 2}}\n{MERGES}\n", 7, "at most 100,000 values"),
    "an alias inside itself": ("kind: chip\na: &a [*a]\n", 2, "the alias *a is inside of what it names"),
    "a mapping inside itself": ("a: &a\n  b: *a\n", 2, "the alias *a is inside"),
    "aliases one inside the other": (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 200)), 100, "100 levels",
    ),
    "deep lists": ("a:\n  " + "[" * 900, 2, "100 levels"),
    "deep keys": ("? " * 5_000, 1, "100 levels"),
    "many values": ("a: [" + "1," * 120_000 + "]", 1, "100,000 values"),
    "a date that is none": ("kind: chip\nname: 2026-13-45\n", 2, "which is no timestamp"),
    "a day that is none": ("a: 2026-02-30T25:00:00Z\n", 1, "which is no timestamp"),
    "an empty whole number": ('a: !!int ""\n', 1, "which is no int"),
    "a strange truth": ("kind: chip\nname: !!bool abc\n", 2, "'abc', which is no bool"),
    "thousands of digits": ("a: " + "9" * 5_000 + "\n", 1, "too long for a number"),
    "twenty digits": ("a: 10000000000000000000\n", 1, "larger than 1e+18"),
    "base sixty": ("a: 1" + ":1" * 100_000 + "\n", 1, "too long for a number"),
    "an infinite float": ("a: 1.0e+400\n", 1, "which is not finite"),
    "infinity": ("a: .inf\n", 1, "which is not finite"),
    "no number": ("a: [1, .nan]\n", 1, "which is not finite"),
    "bytes": ("a: !!binary aGk=\n", 1, "the tag 'tag:yaml.org,2002:binary'"),
    "a set": ("a: !!set {x}\n", 1, "the tag 'tag:yaml.org,2002:set'"),
    "an object": ("a: !!python/object/apply:os.system [id]\n", 1, "the tag"),
    "a tag": ("a: !secret x\n", 1, "the tag '!secret'"),
    "a key twice": ("kind: chip\nkind: llm\n", 2, "written twice"),
    "a number as a key": ("kind: chip\n1: x\n", 2, "expected a word as a key, got '1'"),
    "a list as a key": ("[a, b]: x\n", 1, "expected a plain key"),
    "a merge of a word": ("a: {<<: x}\n", 1, "expected YAML"),
    "an unknown alias": ("a: *b\n", 1, "undefined alias"),
    "a NUL": ("kind: chip\nname: a\0b\n", 2, "got a NUL character"),
    "a written NUL": ('kind: chip\nname: "a\\0b"\n', 2, "holds what is no character"),
    "half of a letter": ('a: "\\ud800"\n', 1, "holds what is no character"),
    "an escape": ("a: \x1b[31m\n", 1, "expected YAML"),
    "a tab": ("a:\n\tb: 1\n", 2, "'\\t'"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "another document"),
    "no keys": ("- 1\n", 1, "kind: expected one of"),
    "nothing": ("", 1, "kind: expected one of"),
    "a format of a wrong type": (STUDY, 3, "precision.activations: unknown number format {}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", YAMLS)
def test_a_yaml_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    text, line, told = YAMLS[kind]
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with alarm():
        call("check", file).refused(f"{file}:{line}: ", told)


JSONS = {
    "levels": ("[" * 100_000, 1, "a few levels of nesting"),
    "levels of keys": ('{"a":' * 50_000, 1, "a few levels of nesting"),
    "a key twice": ('{"a": 1,\n"b": 2,\n"a": 3}', 3, "'a' is written twice"),
    "NaN": ('{"a": 1,\n"hidden_size": NaN}', 2, "expected a number, got NaN"),
    "infinity": ('{"a": -Infinity}', 1, "expected a number, got -Infinity"),
    "an infinite float": ('{"a": 1e999}', 1, "expected a finite number"),
    "thousands of digits": ('{"a": 1,\n"b": ' + "9" * 5_000 + "}", 2, "at most 18 digits"),
    "half of a letter": ('{"a": 1,\n"b": "\\ud800"}', 2, "expected text"),
    "a written NUL": ('{"a": "x\\u0000"}', 1, "expected text"),
    "a NUL": ('{"a": "x\0"}', 1, "got a NUL character"),
    "a list": ("[]", 1, "got a list"),
    "nothing": ("", 1, "expected JSON"),
    "text": ("model_type: llama", 1, "expected JSON"),
}


@pytest.mark.parametrize("kind", JSONS)
def test_a_json_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    text, line, told = JSONS[kind]
    file = tmp_path / "config.json"
    file.write_text(text, encoding="utf-8")
    with alarm():
        call("import", file).refused(f"{file}:{line}: ", told)


@pytest.mark.parametrize("layers", ["1000000000000", "1e12", "10000000", "-1", "true", '"2"', "[2]", "{}"])
def test_layers_that_no_network_has_are_refused_before_any_is_made(layers: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(LLAMA.replace('"num_hidden_layers": 2', f'"num_hidden_layers": {layers}'))
    with alarm():
        call("import", file).refused(f"{file}:1: num_hidden_layers: expected a whole number of at ")


def test_thousands_of_unknown_keys_are_told_by_the_first_hundred(tmp_path: Path) -> None:
    keys = "".join(f'"layer_size{i}": 1, ' for i in range(20_000))
    file = tmp_path / "config.json"
    file.write_text("{" + keys + LLAMA[1:])
    with alarm():
        said = call("import", file).refused("layer_size0: expected no unknown key", "more problems follow")
    assert len(said.err.splitlines()) == 101


CSVS = {
    "a cell that never ends": (f'{HEADER}\n"{"a" * 200_000}\n{ROW}\n', 2, "field larger than field limit"),
    "a long cell": (f"{HEADER}\n{'x' * 5_000}{ROW}\n", 2, "cells of at most 4,000 letters"),
    "many columns": (",".join(f"c{i}" for i in range(100_000)) + "\n1\n", 1, "at most 1,000 columns"),
    "many rows": (f"{HEADER}\n" + f"{ROW}\n" * 20_001, 20_002, "at most 20,000 rows"),
    "many names": (
        f"{HEADER}\n" + "".join(f"{i}{ROW}\n" for i in range(600)), 1, "chip: expected at most 500 different",
    ),
    "a NUL": (f"{HEADER}\n{ROW}\nh100\0-sxm\n", 3, "got a NUL character"),
    "no rows": (f"{HEADER}\n\n,,\n", 1, "at least one row"),
    "no columns": ("a,b\n1,2\n", 1, "missing chip"),
    "no numbers": (f"{HEADER}\n{ROW.replace(',15,', ',9^9^9^9,')}\n", 2, "expected a number, got '9^9^9^9'"),
    "a number of half a thousand": (f"{HEADER}\n{ROW.replace(',15,', ',15_0,')}\n", 2, "expected a number"),
    "infinity": (f"{HEADER}\n{ROW.replace(',15,', ',1e400,')}\n", 2, "at most 1e+12"),
    "an unending batch": (f"{HEADER}\n{ROW.replace(',8,', ',1e300,')}\n", 2, "at most 1e+12"),
}  # fmt: skip


@pytest.mark.parametrize("kind", CSVS)
def test_a_table_is_refused_with_its_line(kind: str, tmp_path: Path) -> None:
    text, line, told = CSVS[kind]
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    with alarm():
        call("validate", file).refused(f"{file}:{line}: ", told)


def test_rows_that_are_ragged_or_of_several_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    quoted = ROW.replace("llama2-7b", '"llama2-7b\n"')
    file.write_text(f"{HEADER}\nh100-sxm\n{ROW},,,,,more\n\n,,\n{quoted}\n")
    with alarm():
        said = call("validate", file)
    assert said.code == 0 and "2 rows predicted, 1 not" in said.out


def test_a_packed_table_unpacks_to_a_stated_size_only(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress(b"\n" * (80 * 2**20)))
    with alarm():
        call("validate", file).refused(f"{file}: ", "64 MiB unpacked")
    file.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode())[:-9])
    call("validate", file).refused(f"{file}: expected a CSV, cannot read it")


# --- what is no file, for each reader

READERS = {"check": "mine.yaml", "import": "config.json", "validate": "rows.csv"}


@pytest.mark.parametrize("verb", READERS)
def test_what_is_no_file_is_refused_at_once(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / READERS[verb]
    with alarm():
        path.symlink_to(tmp_path / "nowhere")
        call(verb, path).refused(str(path))
        path.unlink()
        os.mkfifo(path)
        call(verb, path).refused(str(path), "pipe")
        path.unlink()
        with socket.socket(socket.AF_UNIX) as listener:
            monkeypatch.chdir(tmp_path)  # the name of a socket is short
            listener.bind(path.name)
            call(verb, path).refused(str(path))
        for device in ("/dev/zero", "/dev/null"):
            call(verb, device).refused(device)


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(verb: str, tmp_path: Path) -> None:
    path = tmp_path / READERS[verb]
    path.touch(mode=0)
    call(verb, path).refused(f"{path}: cannot be read: Permission denied")


@pytest.mark.parametrize("verb", READERS)
def test_text_in_another_encoding_is_refused_with_its_line(verb: str, tmp_path: Path) -> None:
    path = tmp_path / READERS[verb]
    for form, told in (("utf-16", "got UTF-16"), ("utf-32", "got UTF-32")):
        path.write_bytes("kind: chip\nname: ü\n".encode(form))
        call(verb, path).refused(f"{path}:1: cannot be read: expected UTF-8 text, {told}")
    path.write_bytes("kind: chip\nname: ü\n".encode("latin-1"))
    call(verb, path).refused(f"{path}:2: cannot be read: it is not UTF-8 text")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_line_ends_of_windows_are_read(end: str, tmp_path: Path) -> None:
    workload = (
        "kind: workload\nname: mine\ntitle: Mine\nserving: aggregated\n"
        "isl: {value: 512 token, source: assumption, basis: assumption}\n"
        "osl: {value: 128 token, source: assumption, basis: assumption}\n"
    )
    for verb, text in (("check", workload), ("import", LLAMA), ("validate", f"{HEADER}\n{ROW}\n")):
        path = tmp_path / READERS[verb]
        path.write_bytes(text.replace("\n", end).encode("utf-8-sig"))
        assert call(verb, path).code == 0, verb


@pytest.mark.parametrize("verb", ["import", "validate"])
def test_what_a_process_writes_into_a_pipe_is_read(verb: str, tmp_path: Path) -> None:
    path = tmp_path / READERS[verb]
    os.mkfifo(path)
    text = LLAMA if verb == "import" else f"{HEADER}\n{ROW}\n"
    writer = Thread(target=path.write_text, args=(text,))
    writer.start()
    with alarm():
        assert call(verb, path).code == 0
    writer.join()


def test_a_large_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"# " + b"x" * YAML_LIMIT)
    with alarm():
        call("check", path).refused(f"{path}: cannot be read: expected at most 1 MiB, got more")


def test_a_file_that_ends_in_words_does_so_everywhere_it_is_used(tmp_path: Path) -> None:
    """A name that leads to a hostile file is refused like the file."""
    path = tmp_path / "llama.yaml"
    path.write_text(f"kind: llm\na: &a [x, x]\n{LEVELS}\n")
    for words in (
        ("estimate", "--chip", "h100", "--llm", path, "--workload", "chat"),
        ("catalog", "llms", path),
    ):
        ended = ends_in_words(*words, file=path)
        assert not ended.fault and ended.code == 2
