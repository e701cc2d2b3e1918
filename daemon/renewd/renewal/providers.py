"""Who a renewal's calls go to, and what keeps them from being made there."""

from collections.abc import Collection

from renewd.renewal.model import AttemptState, Case, HoldReason, Leg
from renewd.renewal.moment import Moment
from renewd.renewal.policy import Policy
from renewd.renewal.step import OPERATOR_RECHECK, Hold

_NAMES = {Leg.CHARGE: ("gateway", "charge"), Leg.EXTEND: ("carrier", "extension")}


def providers(case: Case, policy: Policy) -> dict[Leg, str]:
    """Name who the case's next calls go to: whoever its open attempt was made at, else whom its terms name."""
    named = {}
    if case.subscription.plan in policy.plans:
        terms = policy.terms_for(case.subscription)
        named = {Leg.CHARGE: terms.gateway, Leg.EXTEND: terms.carrier}
    return named | ({case.attempt.leg: case.attempt.provider} if case.attempt else {})


def away(case: Case, needed: Collection[Leg], moment: Moment) -> Hold | None:
    """Hold while a provider that is needed is not configured, which is the operator's to mend, or does not answer."""
    named = providers(case, moment.policy)
    for leg in needed:
        known, until = (
            (moment.gateways, moment.gateway_until)
            if leg is Leg.CHARGE
            else (moment.carriers, moment.carrier_until)
        )
        kind, _ = _NAMES[leg]
        if known is not None and named[leg] not in known:
            detail = f"{kind} {named[leg]} is not configured, and {_wanted_of_it(case, leg)} there"
            return Hold(HoldReason.OPERATOR, moment.now + OPERATOR_RECHECK, detail)
        if until and until > moment.now:
            return Hold(HoldReason.BREAKER, until, f"the {kind} does not answer")
    return None


def _wanted_of_it(case: Case, leg: Leg) -> str:
    attempt, (_, call) = case.attempt, _NAMES[leg]
    if attempt is None or attempt.leg is not leg:
        return f"{case.subscription.id} is {'charged' if leg is Leg.CHARGE else 'extended'}"
    in_doubt = attempt.state is AttemptState.SENT or case.renewal.check_first
    return (
        f"{call} {attempt.number} of {case.renewal.id} {'may have been' if in_doubt else 'waits to be'} made"
    )
