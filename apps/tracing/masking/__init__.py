"""Personal data taken out of spans before they are stored."""

from apps.tracing.masking.current import current_masks, masks_of
from apps.tracing.masking.masks import Mask, Masker, PatternError, compile_mask, masked

__all__ = ["Mask", "Masker", "PatternError", "compile_mask", "current_masks", "masked", "masks_of"]
