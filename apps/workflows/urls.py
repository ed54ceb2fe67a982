"""Public pages of workflows, and the door of webhooks."""

from __future__ import annotations

from django.urls import path

from apps.workflows.api.webhook import webhook
from apps.workflows.views import FormFilePage, FormPage

urlpatterns = [
    path("hooks/<str:token>/", webhook, name="workflows_hook"),
    path("runs/forms/<str:token>/", FormPage.as_view(), name="workflows_form"),
    path("runs/forms/<str:token>/files/", FormFilePage.as_view(), name="workflows_form_files"),
]
