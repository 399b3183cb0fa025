"""An operator's changes to plans."""

import pytest

from pixmill import errors
from pixmill.services.plans import Plans
from pixmill.stores.plans import Tier, shipped

pytestmark = pytest.mark.anyio


async def test_a_new_database_has_the_shipped_plans(plans: Plans) -> None:
    assert {plan.name: plan for plan in await plans.all()} == shipped()


async def test_a_plan_is_found_by_its_name(plans: Plans) -> None:
    assert await plans.find(name="optipic-payg") == shipped()["optipic-payg"]
    with pytest.raises(errors.NotFound, match="no plan gold"):
        await plans.find(name="gold")


async def test_a_plan_is_changed_with_what_people_write(plans: Plans) -> None:
    changed = await plans.change(
        name="optipic-free",
        changes={
            "monthly_requests": "1000",
            "max_file_size": "25MiB",
            "api_allowed": "false",
            "minute_requests": None,
            "overage": [{"up_to": 2_000, "price_microusd": 5}, {"price_microusd": 1}],
        },
    )

    assert await plans.find(name="optipic-free") == changed
    assert changed.monthly_requests == 1_000
    assert changed.max_file_size == 25 * 1024 * 1024
    assert changed.overage == (Tier(up_to=2_000, price_microusd=5), Tier(price_microusd=1))
    assert not changed.api_allowed
    assert changed.title == "OptiPic Free"
    assert changed.edited


async def test_a_reset_plan_is_as_shipped(plans: Plans) -> None:
    await plans.change(name="optipic-free", changes={"monthly_requests": 1})

    reset = await plans.reset(name="optipic-free")

    assert await plans.find(name="optipic-free") == reset == shipped()["optipic-free"]
    assert not reset.edited
    with pytest.raises(errors.NotFound):
        await plans.reset(name="gold")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "no field name"),
        ({"color": "red"}, r"no field color to set; it has title, key_prefix"),
        ({"monthly_requests": "many"}, "monthly_requests: "),
        ({"monthly_requests": -1}, "monthly_requests: "),
        ({"overage": "[1]"}, "overage: "),
    ],
)
async def test_a_change_that_makes_no_sense_changes_nothing(
    plans: Plans, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(errors.BadOption, match=message):
        await plans.change(name="optipic-free", changes=changes)

    assert await plans.find(name="optipic-free") == shipped()["optipic-free"]


async def test_an_unknown_plan_is_not_changed(plans: Plans) -> None:
    with pytest.raises(errors.NotFound):
        await plans.change(name="gold", changes={"monthly_requests": 1})
