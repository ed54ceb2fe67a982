"""Django's forms, subscriptable like in the type stubs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms

if TYPE_CHECKING:
    from django.forms import ModelForm as TypedModelForm
else:

    class TypedModelForm(forms.ModelForm):
        """`TypedModelForm[Model]` is this class."""

        def __class_getitem__(cls, model):
            """Forget the parameter."""
            return cls


__all__ = ["TypedModelForm"]
