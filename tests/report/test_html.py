"""Pages cannot be injected: whatever a name holds, it stays text."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from dse.report.page.html import Html, data_script, joined, link, tag
from dse.report.page.shell import Script, page


class Reader(HTMLParser):
    """What a browser would make of some HTML: elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    found = Reader()
    found.feed(html)
    found.close()
    return found


EVIL = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "</script><b>",
            "' onload='x",
            "&lt;",
            "-->",
        ]
    ),
)


@given(EVIL, EVIL)
def test_text_and_attributes_are_read_back_as_they_were(text: str, title: str) -> None:
    found = read(tag("p", text, title=title))
    assert found.tags == [("p", {"title": title})]
    assert found.text == text


@given(
    st.recursive(EVIL, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(EVIL, inner, max_size=3))
)
def test_data_blocks_hold_any_plain_data_and_close_only_at_their_end(data: object) -> None:
    block = data_script("data", data)
    inner = re.fullmatch(r'<script type="application/json" id="data">(.*)</script>', block, re.DOTALL)
    assert inner is not None
    assert not set("<>&\u2028\u2029") & set(inner[1])
    assert json.loads(inner[1]) == data


def test_children_are_laid_flat_and_markup_made_here_is_kept() -> None:
    made = tag("ul", [tag("li", name) for name in ("a<b", "c")], None, ["&", [tag("li", 3)]])
    assert made == "<ul><li>a&lt;b</li><li>c</li>&amp;<li>3</li></ul>"
    assert joined(Html("<b>"), "<b>") == "<b>&lt;b&gt;"
    assert tag("input", disabled=True, hidden=False, data_x=2) == '<input disabled data-x="2">'


def test_a_link_leads_to_the_web_or_nowhere() -> None:
    assert link("javascript:alert(1)", "x") == "x"
    assert link(None, "<x>") == "&lt;x&gt;"
    assert 'href="https://example.org/?a=1&amp;b=2"' in link("https://example.org/?a=1&b=2", "x")


def test_the_policy_of_a_page_allows_exactly_its_own_scripts() -> None:
    text = "document.title = 'é'"
    made = page("t", tag("p", "x"), data={"d": {"a": 1}}, inline=[Script(text)])
    (policy,) = [a["content"] for t, a in read(made).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    digest = b64encode(sha256(text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy
    assert "unsafe-eval" not in policy and "http" not in policy
