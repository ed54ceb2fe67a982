"""Filters, sorts and cuts a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from django.utils.translation import gettext_noop as _
from pydantic import Field

from apps.workflows.dsl.dynamic import DynamicAny, DynamicArray, DynamicInteger
from apps.workflows.dsl.nodetype import Output
from apps.workflows.dsl.operators import OPERATORS, Operator, find_operator
from apps.workflows.dsl.sentences import Sentence, Text
from apps.workflows.engine.errors import NodeError
from apps.workflows.engine.node import Node, NodeConfig, NodeContext, Result
from apps.workflows.nodes.support import lists
from apps.workflows.nodes.support.lists import SortAs

ItemType = Literal["string", "number", "integer", "boolean", "object", "file", "any"]
_KEY_HELP = _("Path within an item, such as address.city. Empty: the item itself.")


class ListCondition(NodeConfig):
    """One comparison of an item."""

    key: str = Field("", title=_("Key"), description=_KEY_HELP)
    op: str = Field(
        "==", title=_("Operator"), json_schema_extra={"x-widget": "operator", "x-options": [*OPERATORS]}
    )
    value: DynamicAny = Field(None, title=_("Value"))


class ListFilter(NodeConfig):
    """Which items stay."""

    match: Literal["all", "any"] = Field("all", title=_("Must hold"))
    conditions: list[ListCondition] = Field(default_factory=list, max_length=100, title=_("Conditions"))


class ListOrder(NodeConfig):
    """A key to sort by; the first one counts most."""

    key: str = Field("", title=_("Key"), description=_KEY_HELP)
    direction: Literal["asc", "desc"] = Field("asc", title=_("Direction"))
    sort_as: SortAs = Field("auto", title=_("Read as"))
    ignore_case: bool = Field(False, title=_("Ignore case"))
    nulls: Literal["last", "first"] = Field("last", title=_("Items without a value"))


class ListOperatorConfig(NodeConfig):
    """What is done, in the order of the fields."""

    items: DynamicArray = Field(title=_("List"), json_schema_extra={"x-widget": "reference"})
    item_type: ItemType = Field(
        "any", title=_("Items are"), description=_("What later nodes may expect of the output.")
    )
    flatten: bool = Field(False, title=_("Dissolve lists within the list"))
    filter: ListFilter | None = Field(None, title=_("Filter"))
    unique: bool = Field(False, title=_("Leave out repetitions"))
    unique_by: str = Field(
        "",
        title=_("Repetitions have the same"),
        description=_KEY_HELP,
        json_schema_extra={"x-when": {"unique": [True]}},
    )
    order_by: list[ListOrder] = Field(default_factory=list, max_length=10, title=_("Sort by"))
    reverse: bool = Field(False, title=_("Turn round"))
    extract: DynamicInteger | None = Field(
        None,
        title=_("Only the n-th"),
        description=_(
            "Counts from 1; negative numbers count from the end. An error when there is no such item."
        ),
    )
    offset: DynamicInteger = Field(0, title=_("Leave out the first"), description=_("How many."))
    limit: DynamicInteger | None = Field(None, title=_("At most"), description=_("Empty: all."))
    pick: str = Field(
        "", title=_("Take of each item"), description=_KEY_HELP, json_schema_extra={"x-advanced": True}
    )


class ListOperatorNode(Node[ListOperatorConfig]):
    """Works on lists."""

    type = "list_operator"
    title = _("List")
    description = _("Filters, sorts and cuts a list of texts, numbers, objects or files.")
    group = "transform"
    icon = "filter_list"
    Config = ListOperatorConfig

    @classmethod
    def outputs(cls, config: Any) -> Mapping[str, Output]:
        """The list and its ends."""
        kind = "any" if config.pick else config.item_type
        return {
            "result": Output(f"array[{kind}]", _("The list")),
            "first_record": Output(kind, _("Its first item, null when it is empty")),
            "last_record": Output(kind, _("Its last item, null when it is empty")),
            "count": Output("integer", _("How many items it has")),
        }

    @classmethod
    def problems(cls, config: Any) -> Iterable[tuple[str, Text]]:
        """Operators that do not exist, paths that are none, the 0-th item."""
        keys = {"unique_by": config.unique_by, "pick": config.pick}
        keys |= {f"order_by[{index}].key": each.key for index, each in enumerate(config.order_by)}
        for index, each in enumerate(config.filter.conditions if config.filter else ()):
            keys[f"filter.conditions[{index}].key"] = each.key
            if find_operator(each.op) is None:
                yield (
                    f"filter.conditions[{index}].op",
                    Sentence(_("There is no operator “{operator}”."), operator=each.op),
                )
        for place, key in keys.items():
            if reason := lists.problem(key):
                yield place, reason
        if config.extract == 0:
            yield "extract", Sentence(_("The first item is number 1."))

    def run(self, ctx: NodeContext, config: ListOperatorConfig) -> Result:
        """Do it all. Raises `NodeError` (no_such_item)."""
        found = _ordered(_kept(list(config.items), config), config)
        if config.extract is not None:
            found = [_nth(found, config.extract)]
        else:
            start = max(0, config.offset)
            found = found[start:] if config.limit is None else found[start : start + max(0, config.limit)]
        if config.pick:
            get = lists.getter(config.pick)
            found = [get(item) for item in found]
        ends = (found[0], found[-1]) if found else (None, None)
        return Result({"result": found, "first_record": ends[0], "last_record": ends[1], "count": len(found)})


def _kept(items: list[Any], config: ListOperatorConfig) -> list[Any]:
    if config.flatten:
        items = lists.flatten(items)
    if config.filter is not None and config.filter.conditions:
        tests = [(each.key, _operator(each.op), each.value) for each in config.filter.conditions]
        items = lists.keep(items, tests, every=config.filter.match == "all")
    return lists.unique(items, config.unique_by) if config.unique else items


def _operator(name: str) -> Operator:
    operator = find_operator(name)
    if operator is None:
        raise NodeError(f"There is no operator “{name}”.", code="no_operator")
    return operator


def _ordered(items: list[Any], config: ListOperatorConfig) -> list[Any]:
    for each in reversed(config.order_by):
        items = lists.order(
            items,
            each.key,
            descending=each.direction == "desc",
            nulls_first=each.nulls == "first",
            sort_as=each.sort_as,
            ignore_case=each.ignore_case,
        )
    return items[::-1] if config.reverse else items


def _nth(items: list[Any], number: int) -> Any:
    if number == 0 or abs(number) > len(items):
        raise NodeError(f"There is no item {number}: the list has {len(items)}.", code="no_such_item")
    return items[number - 1 if number > 0 else number]
