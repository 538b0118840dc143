"""DynamoDB expressions: parsed once, and a key condition compiled, not gone through for every item looked
at.

In: expression texts and items. Out: ministack's own answers. Always: the same answers and the same errors,
since the first item of a query is judged by ministack itself; what is remembered is bounded.

A query's condition is evaluated for every item of the partition, on the event loop: the newest of 7,200
items took half a second of everybody's time.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from local.ministack.patch import around, module, present

EXPRESSIONS_MAX = 1_000

_OPERATORS = {"EQ": operator.eq, "LT": operator.lt, "LE": operator.le, "GT": operator.gt, "GE": operator.ge}
Clause = tuple[str, str, Callable[[Any], bool]]


class _Tokens(list[Any]):
    """A token list that can be looked up: nobody changes one after it was made."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]


def apply() -> None:
    tables = module("services.dynamodb")
    _remember_parses(tables)
    _compile_keys(tables)


def _remember_parses(tables: Any) -> None:
    present(
        tables,
        "_tokenize",
        "_check_redundant_parens",
        "_check_reserved_keyword_usage",
        "_condition_syntax_error",
    )
    tokenize, check = tables._tokenize, tables._check_reserved_keyword_usage
    remember = functools.lru_cache(maxsize=EXPRESSIONS_MAX)
    remembered = remember(check)
    tables._tokenize = remember(lambda text: _Tokens(tokenize(text)))
    tables._check_redundant_parens = remember(tables._check_redundant_parens)
    tables._condition_syntax_error = remember(tables._condition_syntax_error)
    tables._check_reserved_keyword_usage = lambda tokens: (
        remembered if isinstance(tokens, _Tokens) else check
    )(tokens)


def _compile_keys(tables: Any) -> None:
    """From the second item of a query on, compare keys directly."""
    # The query at hand: its text, values and names (the same objects for all its items), and its clauses.
    last: tuple[Any, Any, Any, list[Clause] | None] = (None, None, None, None)

    @around(tables, "_evaluate_condition")
    def evaluate(
        original: Any, text: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression"
    ) -> Any:
        nonlocal last
        if slot != "KeyConditionExpression":
            return original(text, item, values, names, slot)
        of, with_values, with_names, clauses = last
        if of is not text or with_values is not values or with_names is not names:
            answer = original(text, item, values, names, slot)
            last = (text, values, names, _clauses(tables._tokenize(text), values, names))
            return answer
        if clauses is None:
            return original(text, item, values, names, slot)
        for name, kind, holds in clauses:
            attribute = item.get(name)
            if attribute is None or kind not in attribute or not holds(attribute[kind]):
                return False
        return True


def _clauses(
    tokens: list[tuple[str, str]], values: dict[str, Any], names: dict[str, str]
) -> list[Clause] | None:
    """`a = :x AND b BETWEEN :y AND :z` and its like, compiled; None for anything else."""
    clauses, left = [], tokens[:-1]
    while left:
        (kind, name), *left = left
        if kind not in ("IDENT", "NAME_REF"):
            return None
        shape = [token[0] for token in left[:4]]
        if shape[:2] and shape[0] in _OPERATORS and shape[1] == "VALUE_REF":
            bounds = [(_OPERATORS[shape[0]], values.get(left[1][1]))]
            left = left[2:]
        elif shape == ["IDENT", "VALUE_REF", "IDENT", "VALUE_REF"] and left[0][1].upper() == "BETWEEN":
            bounds = [(operator.ge, values.get(left[1][1])), (operator.le, values.get(left[3][1]))]
            left = left[4:]
        else:
            return None
        for compare, value in bounds:
            clause = _clause(names.get(name, name) if kind == "NAME_REF" else name, compare, value)
            if clause is None:
                return None
            clauses.append(clause)
        if left and left[0][1].upper() != "AND":
            return None
        left = left[1:]
    return clauses


def _clause(name: str, compare: Callable[[Any, Any], bool], value: Any) -> Clause | None:
    if isinstance(value, dict) and "S" in value:
        text = value["S"]
        return name, "S", lambda found: compare(found, text)
    if isinstance(value, dict) and "N" in value:
        number = Decimal(value["N"])
        return name, "N", lambda found: compare(Decimal(found), number)
    return None
