"""The guard in front of every page: methods, hosts, headers and policies."""

from collections.abc import Mapping
from typing import Any

import pytest
from factories import LAW
from hypothesis import given
from hypothesis import strategies as st
from wsgi_calls import Heard, called

from dse.view.app import send
from dse.view.guard import ALWAYS, POLICY, READS, guarded, hardened, is_loopback, refuse


def hello(environ: Mapping[str, Any], start: Any) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""])
def test_a_method_that_does_not_read_never_reaches_the_application(method: str) -> None:
    reached: list[str] = []

    def app(environ: Mapping[str, Any], start: Any) -> list[bytes]:
        reached.append(environ["REQUEST_METHOD"])
        return hello(environ, start)

    found = called(guarded(app), "/", method)
    assert (found.status, found.values("Allow")) == ("405 Method Not Allowed", [", ".join(READS)])
    assert found.body == b"expected GET or HEAD: these pages are read only\n"
    assert reached == []
    assert called(guarded(app), "/").body == b"hello" and reached == ["GET"]


def test_a_wrong_host_is_refused_before_the_method_is_looked_at() -> None:
    for method in ("GET", "POST"):
        found = called(guarded(hello), "/", method, host="evil.example")
        assert found.status == "403 Forbidden" and b"hello" not in found.body


@pytest.mark.parametrize(
    ("host", "port", "wanted"),
    [
        ("localhost", "80", True),
        ("localhost", "8650", False),
        ("[::1]", "80", True),
        ("[::1]", "8650", False),
        ("127.0.0.1:80", "80", True),
        ("127.0.0.1:080", "80", False),
        ("Localhost:80", "80", True),
    ],
)
def test_a_host_without_a_port_means_port_80(host: str, port: str, wanted: bool) -> None:
    assert is_loopback(host, port) is wanted


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            (
                "Content-Type",
                "access-control-allow-origin",
                "ACCESS-CONTROL-MAX-AGE",
                "cache-control",
                "X-Frame-Options",
                "Set-Cookie",
            )
        ),
        st.text("abc*", min_size=1, max_size=3),
    ),
    max_size=6,
)


@LAW
@given(HEADERS)
def test_hardened_headers_let_no_other_origin_in_and_say_each_protection_once(
    headers: list[tuple[str, str]],
) -> None:
    found = hardened(headers)
    names = [name.lower() for name, _ in found]
    assert not any(name.startswith("access-control") for name in names)
    for name, value in ALWAYS:
        assert [v for n, v in found if n.lower() == name.lower()] == [value]
    assert ("Content-Security-Policy", POLICY) in found
    # what protects nothing is kept, in its order
    plain = [pair for pair in headers if pair[0] in ("Content-Type", "Set-Cookie")]
    assert [pair for pair in found if pair[0] in ("Content-Type", "Set-Cookie")] == plain


@LAW
@given(HEADERS)
def test_hardening_twice_changes_nothing(headers: list[tuple[str, str]]) -> None:
    assert sorted(hardened(hardened(headers))) == sorted(hardened(headers))


def test_every_answer_of_the_application_is_hardened() -> None:
    found = called(guarded(hello), "/")
    assert found.values("X-Frame-Options") == ["DENY"]
    assert found.values("Content-Security-Policy") == [POLICY]


def test_a_policy_of_the_application_is_kept() -> None:
    own = ("content-security-policy", "default-src 'none'")
    assert [pair for pair in hardened([own]) if pair[0].lower() == own[0]] == [own]


@pytest.mark.parametrize("text", ["", "plain", "grün", "\u20ac\n", "\U0001f600"])
def test_the_length_of_an_answer_counts_bytes_and_not_letters(text: str) -> None:
    body = text.encode()
    for method, sent in (("GET", body), ("HEAD", b"")):
        heard = Heard()
        heard.body = b"".join(send({"REQUEST_METHOD": method}, heard.start, "text/plain", body))
        assert heard.values("Content-Length") == [str(len(body))]
        assert heard.body == sent


def test_a_refusal_is_one_plain_sentence_with_its_own_headers() -> None:
    heard = Heard()
    heard.body = b"".join(refuse(heard.start, "418 Teapot", "grün\n", [("Retry-After", "1")]))
    assert heard.status == "418 Teapot"
    assert heard.body.decode() == "grün\n"
    assert heard.values("Content-Length") == ["6"]  # two bytes for the umlaut
    assert heard.values("Retry-After") == ["1"]
