"""The exception classes of the official SDKs, as one value."""

from __future__ import annotations

import anthropic
import openai
from google.genai import errors as google

from .talk import Mistake

SDK_ERRORS = (openai.APIError, anthropic.APIError, google.APIError)


def mistake(error: Exception) -> Mistake:
    match error:
        case openai.APIStatusError() | anthropic.APIStatusError():
            return Mistake(type(error).__name__, error.status_code, str(error), error.request_id)
        case google.APIError():
            return Mistake(type(error).__name__, error.code, str(error), error.response.headers.get("x-request-id"))
    raise error
