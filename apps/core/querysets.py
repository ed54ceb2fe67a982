"""The gate: every queryset that reaches a user goes through `visible_to`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models.functions import Cast

from apps.core.access import Access

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from apps.core.models import User, Workspace

M = TypeVar("M", bound=models.Model)


class WorkspaceQuerySet(models.QuerySet[M]):
    """Rows that belong to workspaces."""

    def in_workspace(self, workspace: Workspace) -> Self:
        """Keep the rows of one workspace."""
        return self.filter(workspace=workspace)

    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser, action: str = "view") -> Self:
        """Keep the rows on which `user` may do `action`.

        A superuser sees all. Others need a role in the row's workspace that includes the action (`Model.access`), or an
        object permission `<action>_<model>` given to them or to one of their groups.
        """
        if not (user.is_authenticated and user.is_active):
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        person = cast("User", user)
        return self.filter(self._in_role(person, action) | self._shared_with(person, action))

    def _in_role(self, user: User, action: str) -> models.Q:
        access: Access = getattr(self.model, "access", Access())
        # by name: the models import this module
        memberships = apps.get_model("core", "Membership")._default_manager.filter(
            user=user, role__in=access.roles_for(action)
        )
        return models.Q(workspace_id__in=memberships.values("workspace_id"))

    def _shared_with(self, user: User, action: str) -> models.Q:
        from guardian.models import GroupObjectPermission, UserObjectPermission

        return models.Q(pk__in=self._granted(UserObjectPermission, action, user=user)) | models.Q(
            pk__in=self._granted(GroupObjectPermission, action, group__user=user)
        )

    def _granted(self, grants: Any, action: str, **holder: Any) -> models.QuerySet[Any]:
        """Return the primary keys that guardian's table `grants` opens to `holder`."""
        from django.contrib.contenttypes.models import ContentType

        key = self.model._meta.pk
        found: models.QuerySet[Any] = (
            grants.objects.filter(
                content_type=ContentType.objects.get_for_model(self.model),
                permission__codename=f"{action}_{self.model._meta.model_name}",
                **holder,
            )
            .annotate(granted_pk=Cast("object_pk", output_field=type(key)()))
            .values("granted_pk")
        )
        return found


class WorkspaceListQuerySet(models.QuerySet["Workspace"]):
    """Workspaces themselves."""

    def visible_to(self, user: User | AbstractBaseUser | AnonymousUser, action: str = "view") -> Self:
        """Keep the workspaces in which `user` may do `action`."""
        if not (user.is_authenticated and user.is_active):
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        roles = self.model.access.roles_for(action)
        return self.filter(memberships__user=cast("User", user), memberships__role__in=roles)
