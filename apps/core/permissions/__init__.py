"""May this actor do that?"""

from __future__ import annotations

from apps.core.permissions.checks import allows, allows_in, require, require_in, role_in

__all__ = ["allows", "allows_in", "require", "require_in", "role_in"]
