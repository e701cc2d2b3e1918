"""renewd renews subscriptions before they expire. A tour, in the order in which a renewal meets the rooms:

`renewal` knows what a renewal is and what it needs next. It is pure: a `Case` (all that is known of one renewal) and a `Moment`
(the instant, the policy, what holds around us) go in; a `Step` or a `Change` comes out. Start with `renewal.decide` and `renewal.fold`.

`ports` says what we ask of the world, and `adapters` who answers: a database, a payment gateway, a carrier, a mailbox, a clock.

`service` says when: `service.tick` is the product in three lines, `service.advance` the life of one renewal on one screen, `service.loop`
what drives them, and `service.wiring` the only place that knows which adapters there are.

`cli` is the operator's door. `sandbox` is a gateway and a carrier to try all this against, as foreign to it as the real ones.
"""

__version__ = "0.1.0"
