"""Public pages of workflows."""

from __future__ import annotations

from django.urls import path

from apps.workflows.views import FormFilePage, FormPage

urlpatterns = [
    path("runs/forms/<str:token>/", FormPage.as_view(), name="workflows_form"),
    path("runs/forms/<str:token>/files/", FormFilePage.as_view(), name="workflows_form_files"),
]
