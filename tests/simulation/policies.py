"""The policies that the simulated daemon runs under, and changes between."""

from typing import Any

from renewd.renewal.policy import Policy


def _policy(month: str, week: str, **more: Any) -> Policy:
    return Policy.model_validate(
        {
            "version": 1,
            "defaults": {
                "gateway": "gateway",
                "renew_before": "7d",
                "charge_window": "09:00-18:00",
                "retry": ["6h", "1d", "2d"],
                "grace": "3d",
            }
            | more.pop("defaults", {}),
            "plans": {
                "month": {"carrier": "carrier", "price": month, "period": "1 month"},
                "week": {
                    "carrier": "carrier",
                    "price": week,
                    "period": "7d",
                    "renew_before": "2d",
                    "charge_window": "00:00-23:59",
                    "retry": ["6h", "1d"],
                    "grace": "1d",
                },
            },
            **more,
        }
    )


ORDINARY = _policy("30.00 USD", "10.00 USD")
DEARER = _policy(
    "35.00 USD", "11.00 USD", defaults={"retry": {"first": "12h", "attempts": 3, "jitter": "10%"}}
)
BRAKED = _policy(
    "30.00 USD",
    "12.00 USD",
    brake={"max_charges_per_hour": 2, "max_amount": "50.00 USD"},
    card_limits={"declines_per_day": 3, "declines_per_30_days": 6},
)
STERN = _policy(
    "30.00 USD",
    "60.00 USD",
    brake={"max_charges_per_hour": 50, "max_amount": "50.00 USD"},
    defaults={"on_decline": {"never": "stop", "later": "next_method", "customer_action": "next_method"}},
)
POLICIES = (ORDINARY, ORDINARY, DEARER, BRAKED, STERN)
