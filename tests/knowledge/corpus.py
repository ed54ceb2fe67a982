"""Where the real documents and questions lie, when they are there. They are never part of the repository."""

import os
from pathlib import Path

_BESIDE_THE_PROJECT = Path(__file__).resolve().parents[3] / "shared" / "corpus"

# A variable of the test run, not a setting of the product.
CORPUS = Path(os.environ.get("FLYWHEEL_CORPUS", _BESIDE_THE_PROJECT))
DOCUMENTS = CORPUS / "documents"
CMRC = CORPUS / "retrieval" / "cmrc2018"
