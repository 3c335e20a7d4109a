"""Decides whether this machine can make PDF files: the libraries that lay text out, and a Chinese font."""

import ctypes
import logging
from ctypes.util import find_library

from chat import errors

logger = logging.getLogger(__name__)

# What WeasyPrint loads; its import would cost a web process a hundred megabytes.
LIBRARIES = ("gobject-2.0", "pango-1.0", "pangoft2-1.0", "harfbuzz", "fontconfig")
_CHINESE = b":lang=zh-cn"
_found = False


class _FontSet(ctypes.Structure):
    """The beginning of fontconfig's FcFontSet."""

    _fields_ = [("count", ctypes.c_int)]


def require_pdf() -> None:
    """Raise PdfUnavailable where no PDF can be made; the log says what is missing. Looked up until it is there."""
    global _found
    if _found:
        return
    if missing := what_is_missing():
        logger.warning("No PDF can be made: %s is missing; see docs/operations.md.", missing)
        raise errors.PdfUnavailable
    _found = True


def what_is_missing() -> str:
    """Return what a PDF still needs, in words for an operator; nothing where all is there."""
    absent = [name for name in LIBRARIES if find_library(name) is None]
    if absent:
        return ", ".join(absent)
    return "" if _has_chinese_font() else "a Chinese font"


def _has_chinese_font() -> bool:
    fontconfig = ctypes.CDLL(find_library("fontconfig"))
    for function in (fontconfig.FcNameParse, fontconfig.FcObjectSetCreate):
        function.restype = ctypes.c_void_p
    fontconfig.FcFontList.restype = ctypes.POINTER(_FontSet)
    fontconfig.FcFontList.argtypes = (ctypes.c_void_p,) * 3
    pattern, names = fontconfig.FcNameParse(_CHINESE), fontconfig.FcObjectSetCreate()
    return fontconfig.FcFontList(None, pattern, names).contents.count > 0  # type: ignore[no-any-return]
