"""Languages and time."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from config.env import ROOT

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
