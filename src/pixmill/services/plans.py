"""Plans: reading them, and an operator's changes to them."""

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.stores import plans
from pixmill.stores.db import Database
from pixmill.stores.plans import Plan

__all__ = ["Plan", "Plans", "find"]


class Plans:
    """What accounts may use."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Plan]:
        """Return all plans, by name."""
        async with self._database.reading() as connection:
            return await plans.listed(connection)

    async def find(self, *, name: str) -> Plan:
        """Return the plan called *name*. Raises NotFound."""
        async with self._database.reading() as connection:
            return await find(connection, name=name)

    async def change(self, *, name: str, changes: Mapping[str, object]) -> Plan:
        """
        Give fields of the plan other values, for requests from now on.

        Values may be texts, as people write them: ``"25MiB"``, ``"500"``. Raises NotFound for an
        unknown plan, BadOption for an unknown field or a value that it cannot have.
        """
        async with self._database.transaction() as connection:
            plan = await find(connection, name=name)
            changed = _changed(plan, changes)
            await plans.replace(connection, changed)
            return changed

    async def reset(self, *, name: str) -> Plan:
        """Give the plan the numbers that Pixmill ships. Raises NotFound."""
        plan = plans.shipped().get(name)
        if plan is None:
            raise errors.NotFound(f"Pixmill ships no plan {name}.")
        async with self._database.transaction() as connection:
            await plans.replace(connection, plan)
        return plan


async def find(connection: AsyncConnection, *, name: str) -> Plan:
    """Return the plan called *name*. Raises NotFound."""
    plan = await plans.find(connection, name=name)
    if plan is None:
        raise errors.NotFound(f"There is no plan {name}.")
    return plan


def _changed(plan: Plan, changes: Mapping[str, object]) -> Plan:
    values = asdict(plan)
    editable = [field for field in values if field != "name"]
    for field in changes:
        if field not in editable:
            raise errors.BadOption(
                f"A plan has no field {field} to set; it has {', '.join(editable)}."
            )
    try:
        return plans.validated(values | dict(changes))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise errors.BadOption(f"{first['loc'][0]}: {first['msg']}.") from error
