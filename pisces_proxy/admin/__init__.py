"""The admin API under /api/admin/v1, its OpenAPI description, and the public description of the gateway."""

from .front import Admin

__all__ = ["Admin"]
