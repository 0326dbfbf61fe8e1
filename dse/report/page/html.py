"""HTML that cannot be injected: text is escaped unless it was made here."""

import json
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "col"})


class Html(str):
    """Text that is markup already; made by `tag`, `joined` and `data_script` alone."""

    # no dictionary for each of the many pieces of a page
    __slots__ = ()


Child: TypeAlias = "str | int | Iterable[Child] | None"


# by position only, so that an attribute may be called `name`
def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Html:
    """An element; children that are no `Html` are escaped, None is nothing, lists are laid flat.

    `class_` is `class`, `data_x` is `data-x`; an attribute that is None or False is left out, True is bare.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Child) -> Html:
    """Children one behind the other."""
    return Html("".join(_child(child) for child in children))


def link(address: str | None, text: str) -> Html:
    """A link to a page of the web; only the text where `address` is none."""
    # any other scheme, such as javascript:, stays text
    if address is None or not address.startswith(("https://", "http://")):
        return Html(escape(text))
    return tag("a", text, href=address, rel="noopener noreferrer")


def data_script(identity: str, data: object) -> Html:
    """Plain data for a script of the page, in a block that nothing inside can close."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # "</script>" or "<!--" would end the block; the last two are line ends in older JavaScript
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(f'<script type="application/json" id="{escape(identity)}">{text}</script>')


def _attribute(key: str, value: str | int | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    # `class` and `for` are words of Python, hence the underscore behind them
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _child(child: Child) -> str:
    if child is None:
        return ""
    # before `str`, of which it is a subclass
    if isinstance(child, Html):
        return child
    if isinstance(child, str | int):
        return escape(str(child))
    return "".join(_child(one) for one in child)
