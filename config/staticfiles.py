"""How static files are named and compressed."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names carry a hash of the content, also inside `import` statements of JavaScript modules."""

    support_js_module_import_aggregation = True
    manifest_strict = False  # a stylesheet of a dependency may name a source map that it does not ship
