"""Errors in Stripe's shape, and who may ask at all."""

from renewd.sandbox.wire import Answer, Answered, Request, json_answer


def invalid(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> Answered:
    """An invalid_request_error, to be raised: nothing is stored for it."""
    error = {"type": "invalid_request_error", "message": message, "param": param, "code": code}
    return Answered(json_answer(status, {"error": {name: value for name, value in error.items() if value}}))


def missing(kind: str, identity: str, param: str, status: int = 400) -> Answered:
    """There is no such object."""
    return invalid(f"No such {kind}: '{identity}'", param, "resource_missing", status)


def key_in_use() -> Answered:
    """Another request with the same idempotency key has begun and not ended."""
    message = "There is another request in progress with this idempotency key."
    error = {"type": "idempotency_error", "code": "idempotency_key_in_use", "message": message}
    return Answered(json_answer(409, {"error": error}))


def key_reused() -> Answered:
    """The idempotency key was first used with other parameters."""
    message = "An idempotency key can only be used again with the parameters it was first used with."
    return Answered(json_answer(400, {"error": {"type": "idempotency_error", "message": message}}))


def rate_limited() -> Answered:
    """Too many requests: turned away before the idempotency layer."""
    error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}
    return Answered(json_answer(429, {"error": error}, ("Retry-After", "1")))


def api_error() -> Answer:
    """Stripe's own fault."""
    return json_answer(500, {"error": {"type": "api_error", "message": "An error occurred on our side."}})


def authorise(request: Request) -> None:
    """Let a test key pass.

    Raises:
        Answered: 401, which comes before the idempotency layer.
    """
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key.startswith("sk_test_"):
        return
    why = "The API key was revoked." if key.startswith("sk_revoked") else "A test API key is required."
    raise invalid(why, status=401)
