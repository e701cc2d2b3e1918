"""A copy of a noun with some of its fields changed: the step that every decision takes a few times for each renewal."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["replace"]

if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(noun: Any, /, **changes: Any) -> Any:
        """Do what `dataclasses.replace` does, for frozen values with slots, at half the cost: nothing is initialized anew.

        Raises TypeError when there is no such field.
        """
        kind = type(noun)
        values, setters = _slots(kind)
        made = kind.__new__(kind)
        for setter, value in zip(setters.values(), values(noun), strict=True):
            setter(made, value)
        for name, value in changes.items():
            if name not in setters:
                raise TypeError(f"{kind.__name__} has no field {name}")
            setters[name](made, value)
        return made


Setters = Mapping[str, Callable[[Any, Any], None]]


@cache
def _slots(kind: type) -> tuple[Callable[[Any], tuple[Any, ...]], Setters]:
    """Give what reads all fields of a kind of noun, and what writes each."""
    if hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} wants to be initialized")
    names = [field.name for field in fields(kind)]
    return attrgetter(*names), {name: vars(kind)[name].__set__ for name in names}
