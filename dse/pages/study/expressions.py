"""Arithmetic on designs: `[CASE : WHO : CONDITIONS : COLUMN]`, numbers, + - * / and brackets, `as UNIT`."""

import ast
import operator
import re
from collections.abc import Callable

from dse.errors import spec_error
from dse.pages.study.answers import Answers, answer_of
from dse.pages.study.columns import Cell, cell, said

_TERM = re.compile(r"\[([^\[\]]*)\]")
_AS = re.compile(r"(.*\S)\s+as\s+(\S+)(?:\s+to\s+(\d))?", re.DOTALL)
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def said_of(text: str, answers: Answers) -> str:
    """What an expression says; raises `SpecError` for one that cannot be read or finds no design."""
    found = _AS.fullmatch(text.strip())
    formula, unit, digits = (found[1], found[2], int(found[3] or 3)) if found else (text.strip(), None, 3)
    # a term by itself keeps its own unit and digits
    alone = _TERM.fullmatch(formula)
    if alone:
        only = _cell(alone[1], answers)
        # a text has no unit to convert
        if isinstance(only.value, str) or unit is None:
            return only.text
        return said(only.value, unit, digits)
    return said(_value(formula, answers), unit or "", digits)


def _cell(text: str, answers: Answers) -> Cell:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) != 4:
        raise spec_error("", f"expected [CASE : WHO : CONDITIONS : COLUMN], got [{text}]")
    case, who, conditions, column = parts
    pick = answer_of(answers, case).pick(who, conditions)
    if pick is None:
        raise spec_error("", f"expected a design, got none for [{text}]")
    return cell(pick, column)


def _value(formula: str, answers: Answers) -> float:
    """The value of a formula; each term becomes a name before Python parses the arithmetic."""
    values: list[float] = []

    def number(found: re.Match[str]) -> str:
        value = _cell(found[1], answers).value
        if isinstance(value, str):
            raise spec_error("", f"expected a number, got {value!r} for [{found[1]}]")
        values.append(value)
        return f"_{len(values) - 1}"

    try:
        # parsed, and worked out below: `eval` would run whatever code a template holds
        tree = ast.parse(_TERM.sub(number, formula), mode="eval")
    except SyntaxError:
        raise spec_error(
            "", f"expected numbers and terms with + - * / and brackets, got {formula!r}"
        ) from None
    return _worked(tree.body, values, formula)


def _worked(node: ast.expr, values: list[float], formula: str) -> float:
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _worked(node.left, values, formula), _worked(node.right, values, formula)
        return _OPERATORS[type(node.op)](left, right)
    if isinstance(node, ast.Name) and node.id[1:].isdigit():
        return values[int(node.id[1:])]
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    raise spec_error("", f"expected numbers and terms with + - * / and brackets, got {formula!r}")
