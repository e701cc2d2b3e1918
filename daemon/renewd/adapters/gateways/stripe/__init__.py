"""Stripe: a charge is one PaymentIntent, made and confirmed off session.

gateway     what is asked of Stripe, and which answer is which outcome
intents     how a PaymentIntent is read, and which of many is ours
declines    what a decline means for the next try
"""

from renewd.adapters.gateways.stripe.gateway import StripeGateway

__all__ = ["StripeGateway"]
