"""Providers and models in the console."""

from django.contrib import admin

from apps.providers.admin.model import ModelAdmin
from apps.providers.admin.provider import ProviderAdmin
from apps.providers.models import Model, Provider

admin.site.register(Provider, ProviderAdmin)
admin.site.register(Model, ModelAdmin)
