"""Traces of requests: the spellings of public ones, and every kind of wrong file."""

import gzip

import numpy as np
import pytest

from dse.errors import SpecError
from dse.traffic.trace_file import read_trace

OURS = "arrival_s,isl,osl,blocks\n0,700,5,1 2\n0.5,10,6,1\n2,9,7,\n"


def written(folder, text, name="trace.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def said(path):
    with pytest.raises(SpecError) as error:
        read_trace(path)
    return [str(p).replace(str(path), "T") for p in error.value.problems]


def test_our_own_columns_are_read_with_their_blocks(tmp_path):
    found = read_trace(written(tmp_path, OURS))
    assert found.arrival_s.tolist() == [0.0, 0.5, 2.0]
    assert (found.isl.tolist(), found.osl.tolist()) == ([700, 10, 9], [5, 6, 7])
    assert (found.isl.dtype, found.arrival_s.dtype) == (np.int64, np.float64)
    assert (found.blocks.ids.tolist(), found.blocks.starts.tolist()) == ([1, 2, 1], [0, 2, 3, 3])
    assert (found.blocks.tokens, found.remarks) == (512, ())


@pytest.mark.parametrize(
    ("text", "arrival"),
    [
        # the first two lines of each kind of public trace, with other numbers
        (
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,3,4\n"
            "2023-11-16 18:15:50.9951690,5,6\n",
            [0.0, 4.314579],
        ),
        (
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,3,4\n"
            "2024-05-10T00:00:01.009930Z,5,6\n",
            [0.0, 1.0],
        ),
        (
            "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
            "5,ChatGPT,3,4,7,x\n45,ChatGPT,5,6,11,x\n",
            [0.0, 40.0],
        ),
        (
            '{"timestamp": 1500, "input_length": 3, "output_length": 4, "hash_ids": [0]}\n'
            '{"timestamp": 4500, "input_length": 5, "output_length": 6, "hash_ids": [7]}\n',
            [0.0, 3.0],
        ),
        (
            '{"request_id": "a", "input_toks": 3, "output_toks": 4, "arrival_time": 1787267980.25}\n\n'
            '{"request_id": "b", "input_toks": 5, "output_toks": 6, "arrival_time": 1787267980.75}',
            [0.0, 0.5],
        ),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_public_traces_are_read_as_they_are(tmp_path, text, arrival, packed):
    data = gzip.compress(text.encode()) if packed else text.encode()
    found = read_trace(written(tmp_path, data))
    # seconds since 1970 have seven digits behind the point
    assert found.arrival_s == pytest.approx(arrival, abs=1e-6)
    assert (found.isl.tolist(), found.osl.tolist()) == ([3, 5], [4, 6])


def test_requests_are_sorted_and_say_so(tmp_path):
    found = read_trace(written(tmp_path, "arrival_s,isl,osl,blocks\n3,1,1,8\n1,2,1,9 \n3,3,1,7\n"))
    assert found.arrival_s.tolist() == [0.0, 2.0, 2.0]
    assert found.isl.tolist() == [2, 1, 3]
    assert found.blocks.ids.tolist() == [9, 8, 7]
    assert found.remarks == ("1 requests came before the one above them; all are sorted by arrival",)


def test_all_wrong_numbers_are_said_at_once_with_their_lines(tmp_path):
    text = "arrival_s,isl,osl\n-1,1,1\nnan,1,1\n1,1.5,0\n1,1e99,-3\nsoon,1,1\n1,2\n"
    lines = said(written(tmp_path, text))
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "4", "5", "5", "6", "7"]
    assert lines[2] == "T:4: isl: expected a whole number of tokens from 1 to 1,000,000,000, got '1.5'"
    assert lines[3] == "T:4: osl: expected a whole number of tokens from 1 to 1,000,000,000, got '0'"
    assert lines[-1] == "T:7: expected 3 cells, as in the header, got 2"


def test_a_missing_column_names_what_is_expected_and_the_nearest_one(tmp_path):
    (line,) = said(written(tmp_path, "arrival_s,isl,Model,osll\n1,1,1,1\n"))
    assert line.startswith("T:1: expected the column osl (or output_length, GeneratedTokens")
    assert line.endswith("got the columns 'arrival_s', 'isl', 'Model', 'osll'; is 'osll' meant?")
    lines = said(written(tmp_path, '{"isl": 3, "input_length": 4, "osl": 3}'))
    assert lines[0].startswith("T:1: expected the column arrival_s")
    assert lines[1] == "T:1: expected one column of isl, got isl and input_length"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "T: expected a trace with a request a line, got an empty file"),
        ("\n \n", "T: expected a trace with a request a line, got an empty file"),
        ("arrival_s,isl,osl\n", "T: expected a trace with a request a line, got a header alone"),
        (b"arrival_s,isl,osl\n1,\xff,2\n", "T:2: cannot be read: it is not UTF-8 text"),
        ('arrival_s,isl,osl\n1,"2,3\n', "T:2: expected a CSV, got a quote that does not close"),
        ("isl,isl,osl\n", "T:1: the column 'isl' is there twice"),
        ('{"isl": 1', "T:1: expected a JSON object on one line, "),
        (b"\x1f\x8bno", "T: cannot be read: expected a gzip file, "),
        (
            '{"arrival_s": 0, "isl": 5, "osl": 1, "hash_ids": [1, 2]}',
            "T:1: hash_ids: expected at most 1 blocks of 512 tokens for 5 tokens, got 2",
        ),
        ('{"arrival_s": NaN, "isl": 5, "osl": 1}', "T:1: expected a JSON object on one line, NaN is"),
        (
            '{"arrival_s": 1, "isl": 5, "osl": 1}\n{"arrival_s": 1, "isl": 5}\n[1]\n',
            "T:2: expected the key osl, as in the first line, got none",
        ),
    ],
)
def test_files_that_hold_no_trace_are_refused_in_words(tmp_path, text, what):
    assert said(written(tmp_path, text))[0].startswith(what)


def test_a_link_to_nowhere_and_a_folder_are_no_traces(tmp_path):
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "none.csv")
    assert said(link) == ["T: cannot be read: it is a link to nowhere"]
    assert said(tmp_path) == ["T: cannot be read: Is a directory"]
