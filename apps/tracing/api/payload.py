"""Inputs and outputs of observations: in pieces, as a file, and as a conversation."""

from typing import Any, Final

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.tracing import payloads
from apps.tracing.api.base import SPAN_ID, TRACE_ID, TraceAPIView
from apps.tracing.api.serializers import TurnPageSerializer
from apps.tracing.chat import Chat, read_chat
from apps.tracing.downloads.response import stream_steps
from apps.tracing.selectors import Payload

MAX_PIECE: Final = 2_000_000
PAGE_TURNS: Final = 100
#: Longer texts of a turn, and longer pictures, are cut; the payload has them whole.
TURN_CHARS: Final = 20_000
URL_CHARS: Final = 3_000_000


class SideSerializer(serializers.Serializer[Any]):
    """Which of the two."""

    side = serializers.ChoiceField(choices=payloads.SIDES, default="output")


class PieceQuerySerializer(SideSerializer):
    """Query parameters of a piece."""

    offset = serializers.IntegerField(
        min_value=0, max_value=2_000_000_000, default=0, help_text="In characters."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MAX_PIECE, default=100_000)


class PieceSerializer(serializers.Serializer[Any]):
    """A piece of an input or output."""

    text = serializers.CharField(allow_blank=True)
    offset = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Characters of the whole value.")


class ConversationQuerySerializer(SideSerializer):
    """Query parameters of a conversation."""

    offset = serializers.IntegerField(min_value=0, default=0, help_text="Turns to skip.")


class PayloadPieceView(TraceAPIView):
    """A piece of an input or output."""

    @extend_schema(
        operation_id="observations_payload",
        parameters=[TRACE_ID, SPAN_ID, PieceQuerySerializer],
        responses=PieceSerializer,
    )
    def get(self, request: Request, trace_id: str, span_id: str) -> Response:
        """Read some characters; begin at `offset` and stop at `total`."""
        query = PieceQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        piece = payloads.read_piece(self.find_observation(trace_id, span_id), **query.validated_data)
        return Response({"text": piece.text, "offset": piece.offset, "total": piece.total})


class PayloadFileView(TraceAPIView):
    """An input or output as a file."""

    @extend_schema(
        operation_id="observations_payload_file",
        parameters=[TRACE_ID, SPAN_ID, SideSerializer],
        responses={(200, "application/json"): OpenApiTypes.STR, (200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, trace_id: str, span_id: str) -> StreamingHttpResponse:
        """Download all of it, streamed; never shown in place, since strangers wrote it."""
        query = SideSerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        side = query.validated_data["side"]
        first, steps = payloads.stream_side(self.find_observation(trace_id, span_id), side)
        is_json = payloads.looks_like_json(first)
        response = StreamingHttpResponse(
            stream_steps(request._request, steps),
            content_type="application/json" if is_json else "text/plain; charset=utf-8",
        )
        name = f"{trace_id}-{span_id}-{side}.{'json' if is_json else 'txt'}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


class ConversationView(TraceAPIView):
    """An input or output as a conversation."""

    @extend_schema(
        operation_id="observations_conversation",
        parameters=[TRACE_ID, SPAN_ID, ConversationQuerySerializer],
        responses=TurnPageSerializer,
    )
    def get(self, request: Request, trace_id: str, span_id: str) -> Response:
        """Up to 100 turns in one form, whatever provider's messages were recorded."""
        query = ConversationQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        offset = query.validated_data["offset"]
        observation = self.find_observation(trace_id, span_id)
        chat = payloads.read_conversation(observation, query.validated_data["side"])
        return Response(_page(chat, offset) or {"turns": [], "offset": offset, "total": 0})


def turns_of(payload: Payload, side: str) -> dict[str, Any] | None:
    """The first page of the conversation in one side of a payload; None where there is none or it is cut."""
    text: str = getattr(payload, side)
    return _page(read_chat(text)) if len(text) == getattr(payload, f"{side}_length") else None


def _page(chat: Chat | None, offset: int = 0) -> dict[str, Any] | None:
    if chat is None:
        return None
    turns = payloads.cut_turns(
        chat, offset=offset, limit=PAGE_TURNS, text_chars=TURN_CHARS, url_chars=URL_CHARS
    )
    return {"turns": turns, "offset": offset, "total": len(chat.turns)}
