"""The shipped plans: their numbers are the services' published ones."""

from dataclasses import asdict
from typing import Any

import pytest
from pydantic import ValidationError

from pixmill.stores import plans
from pixmill.stores.plans import Plan, Tier

MIB = 1024 * 1024

#: Name: requests a month, a day, a minute, largest file in MiB, keys. Rows OP-82 to OP-90, OG-7,
#: OG-79 to OG-89, PO-9, PO-102, OS-79 to OS-83, SM-5, SM-42, SM-43.
NUMBERS = {
    "self-hosted": (None, None, None, 100, None),
    "guest": (None, None, None, 100, 0),
    "optipic-free": (500, None, None, 20, None),
    "optipic-payg": (500, None, None, 20, None),
    "optimagio-free": (100, None, 60, 25, 1),
    "optimagio-starter": (5_000, None, 300, 50, 3),
    "optimagio-pro": (50_000, None, 1_000, 50, 10),
    "optimagio-business": (200_000, None, 3_000, 100, 25),
    "optimagio-scale": (500_000, None, None, 100, None),
    "picture-optimizer-free": (25, None, None, 25, 1),
    "picture-optimizer-starter": (1_000, None, None, 50, 3),
    "picture-optimizer-pro": (5_000, None, None, 50, 10),
    "picture-optimizer-agency": (20_000, None, None, 100, 20),
    "octosqueeze-free": (500, 200, 20, 25, None),
    "octosqueeze-starter": (5_000, 1_000, 60, 25, None),
    "octosqueeze-pro": (25_000, 10_000, 120, 50, None),
    "octosqueeze-unlimited": (None, None, 300, 100, None),
    "octosqueeze-enterprise": (None, None, 1_000, 200, None),
    "smolpix-free": (100, None, 60, 25, 5),
    "smolpix-pro": (10_000, None, 60, 25, 5),
    "smolpix-agency": (None, None, 120, 25, 5),
}

PREFIXES = {
    "self-hosted": "pxm_",
    "optipic": "op_live_",
    "optimagio": "opt_",
    "picture-optimizer": "sk-",
    "octosqueeze": "os_",
    "smolpix": "pk_live_",
}


def test_the_numbers_are_the_published_ones() -> None:
    """PO-9, PO-102, and the rows of the others that docs/contracts.md has."""
    shipped = {
        name: (
            plan.monthly_requests,
            plan.daily_requests,
            plan.minute_requests,
            plan.max_file_size / MIB,
            plan.max_keys,
        )
        for name, plan in plans.shipped().items()
    }

    assert shipped == NUMBERS


@pytest.mark.parametrize(("service", "prefix"), PREFIXES.items())
def test_keys_begin_as_the_service_s_keys_do(service: str, prefix: str) -> None:
    found = [plan for name, plan in plans.shipped().items() if name.startswith(service)]

    assert {plan.key_prefix for plan in found} == {prefix}


def test_only_picture_optimizer_keys_are_short() -> None:
    short = {name for name, plan in plans.shipped().items() if plan.key_length != 43}

    assert short == {name for name in NUMBERS if name.startswith("picture-optimizer-")}
    assert {plans.shipped()[name].key_length for name in short} == {32}


def test_only_optipic_counts_per_key() -> None:
    per_key = {name for name, plan in plans.shipped().items() if plan.quota_per == "key"}

    assert per_key == {"optipic-free", "optipic-payg"}


def test_only_pay_as_you_go_sells_more_than_is_included() -> None:
    sold = {name: plan.overage for name, plan in plans.shipped().items() if plan.overage}

    assert sold == {
        "optipic-payg": (
            Tier(up_to=10_000, price_microusd=9_000),
            Tier(up_to=None, price_microusd=2_000),
        )
    }
    assert plans.shipped()["optipic-payg"].hard_limit is None
    assert plans.shipped()["optipic-free"].hard_limit == 500


def test_only_smolpix_free_and_guests_may_not_use_the_api() -> None:
    refused = {name for name, plan in plans.shipped().items() if not plan.api_allowed}

    assert refused == {"guest", "smolpix-free"}


def test_the_credits_are_those_of_picture_optimizer() -> None:
    credits_ = {
        name: (plan.signup_credits, plan.monthly_credits)
        for name, plan in plans.shipped().items()
        if plan.signup_credits or plan.monthly_credits
    }

    assert credits_ == {
        "picture-optimizer-free": (25, 0),
        "picture-optimizer-starter": (0, 1_000),
        "picture-optimizer-pro": (0, 5_000),
        "picture-optimizer-agency": (0, 20_000),
    }


def test_every_field_of_a_plan_is_a_column() -> None:
    plan = plans.shipped()["self-hosted"]

    assert list(asdict(plan)) == [column.name for column in plans.plans.c]


def changed(**changes: object) -> Plan:
    values: dict[str, Any] = asdict(plans.shipped()["optipic-payg"])
    return plans.validated(values | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"key_length": 31},
        {"key_prefix": ""},
        {"key_prefix": "with space"},
        {"max_file_size": 0},
        {"max_file_size": "huge"},
        {"monthly_requests": -1},
        {"monthly_requests": 2**60},
        {"quota_per": "planet"},
        {"title": ""},
        {"overage": [{"up_to": 10, "price_microusd": 1}]},
        {"overage": [{"price_microusd": 1}, {"price_microusd": 2}]},
        {"overage": [{"up_to": 9, "price_microusd": 1}] * 2 + [{"price_microusd": 2}]},
        {"overage": [{"price_microusd": -1}]},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        changed(**changes)


def test_sizes_may_be_written_as_people_do() -> None:
    plan = changed(max_file_size="25MiB")

    assert plan.max_file_size == 25 * MIB
    assert type(plan.max_file_size) is int
