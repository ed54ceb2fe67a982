"""`POST /v1/loop/prompts/mget`: prompts by key, which is their name."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.models import PromptVersion
from apps.agents.models.prompt import DEFAULT_LABEL
from apps.agents.prompts import Content
from apps.agents.resolution import resolve_content
from apps.agents.selectors import find_prompt_version
from apps.core.exceptions import Invalid, NotFound
from apps.core.models.api_key import Scope
from apps.core.numbers import whole_number
from apps.interop.base import AdapterView

MAX_QUERIES = 25
#: Roles the SDK knows; it refuses any other.
_ROLES = {"system", "user", "assistant", "tool"}
_LLM = (
    "temperature",
    "max_tokens",
    "top_k",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "json_mode",
)


class PromptsView(AdapterView):
    """Prompts for use, as the cozeloop SDK keeps them for a minute."""

    required_scopes = {"POST": Scope.READ}

    def post(self, request: Request) -> Response:
        """Those that exist, or a 404 for none; a query without version or label means what is in production."""
        body: dict[str, Any] = request.data if isinstance(request.data, dict) else {}
        queries = body.get("queries")
        if not isinstance(queries, list) or len(queries) > MAX_QUERIES:
            raise Invalid(f"`queries` is a list of {MAX_QUERIES} at most.")
        items = []
        for query in queries:
            if not isinstance(query, dict):
                raise Invalid("A query is an object.")
            if (version := find_version(request, query)) is not None:
                items.append(
                    {"query": query, "prompt": prompt_of(version, str(body.get("workspace_id", "")))}
                )
        if queries and not items:
            # the SDK stumbles over an empty list, and tells a code
            raise NotFound("There is no such prompt, or none with this label or version.")
        return Response({"code": 0, "msg": "", "data": {"items": items}})

    def handle_exception(self, error: Exception) -> Response:
        """An error in the SDK's shape."""
        return failed(super().handle_exception(error))


def find_version(request: Request, query: Mapping[str, Any]) -> PromptVersion | None:
    """The version that a query of the SDK names, by default the one in production; raises Invalid."""
    given = str(query.get("version") or "")
    number = whole_number(given)
    if given and number is None:
        raise Invalid(_("A version is a whole number here."))
    return find_prompt_version(
        user=request.user,
        workspace=request.workspace,  # type: ignore[attr-defined]  # KeyPairAuthentication
        name=str(query.get("prompt_key") or "").replace("\0", ""),
        version=number,
        label=str(query.get("label") or DEFAULT_LABEL).replace("\0", ""),
    )


def failed(response: Response) -> Response:
    """A problem document as a code that is not 0, and the sentence the SDK logs."""
    data: Any = response.data if isinstance(response.data, dict) else {}
    sentence = data.get("message") or data.get("detail") or data.get("title", "")
    response.data = {"code": response.status_code, "msg": str(sentence)}
    return response


def prompt_of(version: PromptVersion, workspace_id: str) -> dict[str, Any]:
    """A version as a template; its variables are texts, but for placeholders."""
    messages = template_messages(resolve_content(version))
    placeholders = {message["content"] for message in messages if message["role"] == "placeholder"}
    config = version.config if isinstance(version.config, dict) else {}
    return {
        "workspace_id": workspace_id,
        "prompt_key": version.prompt.name,
        "version": str(version.number),
        "prompt_template": {
            "template_type": "normal",
            "messages": messages,
            "variable_defs": [
                {"key": name, "desc": "", "type": "placeholder" if name in placeholders else "string"}
                for name in version.variables
            ],
        },
        "llm_config": {name: config[name] for name in _LLM if name in config} or None,
    }


def template_messages(content: Content) -> list[dict[str, str]]:
    """Messages in the SDK's shape; a text is a system message, an unknown role the user's."""
    if isinstance(content, str):
        return [{"role": "system", "content": content}]
    return [
        {"role": "placeholder", "content": message["name"]}
        if message.get("type") == "placeholder"
        else {"role": message["role"] if message["role"] in _ROLES else "user", "content": message["content"]}
        for message in content
    ]
