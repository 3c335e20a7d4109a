"""Decides how an answer becomes JSON: by orjson; apart from ``api``, since REST framework loads it with its own views."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework import renderers
from rest_framework.utils.encoders import JSONEncoder

_encode_other = JSONEncoder().default


class JSONRenderer(renderers.JSONRenderer):
    """JSON in UTF-8 without spaces; ``orjson.Fragment`` passes through as JSON that is written already."""

    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(data, default=_encode_other, option=orjson.OPT_NON_STR_KEYS)
