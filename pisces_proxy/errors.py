"""Everything that can go wrong, and whose fault it is.

    PiscesError
    ├── ClientError                  the request has to change
    │   ├── BadRequest               400
    │   │   ├── Unsupported          400  the target has no such thing
    │   │   ├── ContextTooLong       400
    │   │   ├── ProofRefused         400  an upstream does not take earlier thinking back
    │   │   └── ContentRefused       400
    │   ├── Unauthenticated          401
    │   ├── Forbidden                403
    │   │   └── BalanceExhausted     403, 402 or 429 by configuration
    │   ├── NotFound                 404
    │   │   └── ModelNotFound        404
    │   ├── MethodNotAllowed         405
    │   ├── Conflict                 409
    │   ├── KeyReused                422
    │   ├── TooLarge                 413
    │   ├── UnsupportedMedia         415
    │   └── RateLimited              429
    ├── UpstreamError                a provider let us down; another channel may not
    │   ├── UpstreamUnauthorized     502  our key was refused, never the client's
    │   ├── UpstreamUnfunded         503
    │   ├── UpstreamRateLimited      429
    │   ├── UpstreamOverloaded       503
    │   ├── UpstreamTimeout          504
    │   ├── UpstreamModelMissing     404
    │   └── UpstreamBroken           502  unreachable, malformed, cut off
    │       └── AnswerMalformed      502  the model's fault: another try may do
    └── GatewayError                 500
        ├── NotBuilt                 501
        ├── NoChannel                503
        ├── StorageUnavailable       503
        └── ShuttingDown             503

`kind` names the class of error in the gateway's language; each wire turns it into its own words (wire.md D2).
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["client", "upstream", "gateway"]


class PiscesError(Exception):
    """The root. `message` tells the reader what to do next and never holds a secret.

    `param` is the path of the offending field (`messages[2].content[0].type`), `retry_after` is in seconds,
    `code` is a more exact machine-readable name than `kind` where there is one, `details` is wire-neutral extra data.
    """

    kind: ClassVar[str] = "internal"
    status: int = 500
    fault: ClassVar[Fault] = "gateway"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        details: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.details = details or {}
        if status is not None:
            self.status = status


class ConfigError(PiscesError):
    """channels.toml, a plugin or the command line is wrong: the process does not start (or the reload is refused)."""

    kind = "config"


# -- the client's ------------------------------------------------------------------------------------------------------


class ClientError(PiscesError):
    kind = "bad_request"
    status = 400
    fault = "client"


class BadRequest(ClientError):
    pass


class Unsupported(BadRequest):
    kind = "unsupported"


class ContextTooLong(BadRequest):
    kind = "context_length"


class ProofRefused(BadRequest):
    """The upstream does not take back thinking, or its signature, from earlier in the conversation, or does not show this
    organisation any (`param` is `reasoning.summary`): without that the same request may pass."""


class ContentRefused(BadRequest):
    kind = "content_policy"


class Unauthenticated(ClientError):
    kind = "invalid_key"
    status = 401


class Forbidden(ClientError):
    kind = "forbidden"
    status = 403


class BalanceExhausted(Forbidden):
    kind = "balance"


class NotFound(ClientError):
    kind = "not_found"
    status = 404


class ModelNotFound(NotFound):
    kind = "model_not_found"


class MethodNotAllowed(ClientError):
    kind = "method_not_allowed"
    status = 405


class Conflict(ClientError):
    kind = "conflict"
    status = 409
    retryable = True


class KeyReused(ClientError):
    kind = "key_reused"
    status = 422


class TooLarge(ClientError):
    kind = "too_large"
    status = 413


class UnsupportedMedia(ClientError):
    kind = "unsupported_media"
    status = 415


class RateLimited(ClientError):
    kind = "rate_limit"
    status = 429
    retryable = True


# -- the upstream's ----------------------------------------------------------------------------------------------------


class UpstreamError(PiscesError):
    """`upstream_status` is what the provider answered, 0 where it did not. `final`: work has been paid for, so that no other
    channel may be tried."""

    kind = "upstream"
    status = 502
    fault = "upstream"
    retryable = True
    upstream_status: int = 0
    final: bool = False

    @property
    def kind_of_rest(self) -> str:
        """Why a channel rests after this, for people."""
        return type(self).__name__.removeprefix("Upstream").lower()


class UpstreamUnauthorized(UpstreamError):
    kind = "upstream"


class UpstreamUnfunded(UpstreamError):
    kind = "no_channel"
    status = 503


class UpstreamRateLimited(UpstreamError):
    kind = "rate_limit"
    status = 429


class UpstreamOverloaded(UpstreamError):
    kind = "overloaded"
    status = 503


class UpstreamTimeout(UpstreamError):
    kind = "timeout"
    status = 504


class UpstreamModelMissing(UpstreamError):
    kind = "model_not_found"
    status = 404
    retryable = False


class UpstreamBroken(UpstreamError):
    kind = "upstream"


class AnswerMalformed(UpstreamBroken):
    """The model wrote something that its own API could not read. It says nothing about the channel's health, and the next
    try may go well."""


# -- ours --------------------------------------------------------------------------------------------------------------


class GatewayError(PiscesError):
    kind = "internal"
    status = 500
    retryable = True


class NotBuilt(GatewayError):
    kind = "not_implemented"
    status = 501
    retryable = False


class NoChannel(GatewayError):
    kind = "no_channel"
    status = 503


class StorageUnavailable(GatewayError):
    kind = "unavailable"
    status = 503


class ShuttingDown(GatewayError):
    kind = "unavailable"
    status = 503


def unreached(error: Exception) -> str:
    """Why there was no connection, in words; the class where there are none."""
    name = type(error).__name__
    words = {
        "ConnectionRefusedError": "connection refused",
        "ConnectionResetError": "connection reset",
        "gaierror": "its name is not known",
        "SSLCertVerificationError": "its certificate is not trusted",
        "OSError": "no connection",
    }
    return words.get(name, name)
