"""Find the conversation in an input or output: which shape it has, and its messages as turns.

Known are OpenAI's chat (requests and answers), Responses and completions, Anthropic's and Bedrock's blocks, Gemini's
contents, the parts of OpenTelemetry's conventions and of pydantic-ai, the AI SDK's, and LangChain's messages.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from apps.tracing.chat.parts import Json, read_parts, tool_call, tool_result
from apps.tracing.chat.turn import Chat, Part, PartKind, Role, Turn
from apps.tracing.chat.values import as_text, clean, load

_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}
_LANGCHAIN: Final = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
    "chat": "",
    "remove": "",
}
#: Items of the Responses API that are no messages, and who they come from.
_ITEMS: Final = {
    "reasoning": "assistant",
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
    "computer_call": "assistant",
    "computer_call_output": "tool",
    "web_search_call": "assistant",
    "file_search_call": "assistant",
    "code_interpreter_call": "assistant",
    "image_generation_call": "assistant",
    "mcp_call": "assistant",
}
_PYDANTIC_ROLES: Final = {
    "user-prompt": "user",
    "system-prompt": "system",
    "tool-return": "tool",
    "retry-prompt": "tool",
}


def read_chat(text: str) -> Chat | None:
    """The conversation in a text, or None for a text that is none."""
    return chat_of(load(text))


def chat_of(value: object) -> Chat | None:
    """The conversation in a JSON value, or None for a value that is none."""
    try:
        turns = _turns(value)
    except RecursionError:
        return None
    return Chat(tuple(turns)) if turns else None


def _turns(value: object) -> list[Turn]:
    if isinstance(value, list):
        return _of_list(value)
    if not isinstance(value, dict):
        return []
    for key, reader in _BY_KEY:
        if key in value and (turns := reader(value)):
            return turns
    return _of_list([value])


def _of_list(items: list[Any]) -> list[Turn]:
    """Turns of a list of messages; [] as soon as one item is none, for then the list is something else."""
    if len(items) == 1 and isinstance(items[0], list):
        items = items[0]  # LangChain hands its messages over in batches
    turns: list[Turn] = []
    for item in items:
        found = _message(item)
        if not found:
            return []
        turns += found
    return turns


def _message(item: object) -> list[Turn]:
    if isinstance(item, str):
        item = load(item)  # some SDKs write each message as JSON text
    if not isinstance(item, dict):
        return []
    if isinstance(item.get("message"), dict) and "role" not in item:
        return _message(item["message"])
    if item.get("lc") and isinstance(item.get("kwargs"), dict):
        return _langchain_constructor(item)
    if isinstance(item.get("kind"), str) and isinstance(item.get("parts"), list) and "role" not in item:
        return _pydantic(item)
    if "role" in item and _has_content(item):
        return [_turn(as_text(item["role"]), item)]
    kind = as_text(item.get("type"))
    if kind in _ITEMS:
        return [_item(item, kind)]
    if kind in _LANGCHAIN and ("content" in item or isinstance(item.get("data"), dict)):
        inner = item["data"] if isinstance(item.get("data"), dict) else item
        return [_turn(as_text(_LANGCHAIN[kind] or inner.get("role")), inner)]
    return []


def _has_content(item: Json) -> bool:
    return any(
        name in item for name in ("content", "parts", "tool_calls", "function_call", "contents", "text")
    )


def _turn(label: str, item: Json) -> Turn:
    role = _ROLES.get(label.lower(), Role.OTHER)
    if (
        role is Role.TOOL
        and not isinstance(item.get("parts"), list)
        and not _holds_results(item.get("content"))
    ):
        parts = tool_result({**item, "id": item.get("tool_call_id") or item.get("id")})
        return Turn(role, label, tuple(parts))
    parts = [*_reasoning(item), *read_parts(_content(item))]
    known = {(part.id, part.name) for part in parts if part.kind is PartKind.TOOL_CALL}
    calls = [part for call in _calls(item) if (part := tool_call(call)) is not None]
    # LangChain repeats the calls that stand among the parts already
    parts += [call for call in calls if (call.id, call.name) not in known]
    name = as_text(item.get("name")) if isinstance(item.get("name"), str) else ""
    return Turn(role, label, tuple(parts), name)


def _holds_results(content: object) -> bool:
    if not isinstance(content, list):
        return False
    keys = {"toolResult", "functionResponse", "function_response"}
    kinds = {"tool_result", "tool-result", "tool_call_response"}
    return any(isinstance(part, dict) and (keys & set(part) or part.get("type") in kinds) for part in content)


def _content(item: Json) -> object:
    return next((item[name] for name in ("parts", "content", "contents", "text") if item.get(name)), None)


def _calls(item: Json) -> Iterable[object]:
    extra = item.get("additional_kwargs")
    calls = item.get("tool_calls") or (extra.get("tool_calls") if isinstance(extra, dict) else None)
    if isinstance(calls, list):
        yield from calls
    if isinstance(item.get("function_call"), dict):
        yield item["function_call"]


def _reasoning(item: Json) -> list[Part]:
    text = item.get("reasoning_content") or item.get("reasoning")
    return [Part(PartKind.REASONING, clean(text))] if isinstance(text, str) and text else []


def _item(item: Json, kind: str) -> Turn:
    """An item of the Responses API."""
    label = _ITEMS[kind]
    if kind == "computer_call_output" or kind.endswith("_call_output"):
        parts = tool_result(item)
    elif kind == "reasoning":
        parts = [
            Part(
                PartKind.REASONING,
                "\n\n".join(p.text for p in read_parts(item.get("summary") or item.get("content"))),
            )
        ]
    elif kind in ("function_call", "custom_tool_call", "mcp_call"):
        call = tool_call(item)
        parts = [] if call is None else [call]
        if kind == "mcp_call" and item.get("output") is not None:
            parts += tool_result({"output": item["output"], "id": item.get("id"), "name": item.get("name")})
    else:
        parts = [
            Part(
                PartKind.TOOL_CALL, as_text(item.get("action") or item), id=as_text(item.get("id")), name=kind
            )
        ]
    return Turn(_ROLES[label], label, tuple(parts))


def _langchain_constructor(item: Json) -> list[Turn]:
    """{"lc": 1, "id": […, "HumanMessage"], "kwargs": {…}}, as LangChain serialises its objects."""
    path = item.get("id")
    kind = str(path[-1]) if isinstance(path, list) and path else ""
    name = kind.removesuffix("Chunk").removesuffix("Message").lower()
    if not kind.removesuffix("Chunk").endswith("Message") or name not in _LANGCHAIN:
        return []
    kwargs = item["kwargs"]
    return [_turn(as_text(_LANGCHAIN[name] or kwargs.get("role")), kwargs)]


def _pydantic(item: Json) -> list[Turn]:
    """pydantic-ai: a request or response whose parts each have a role of their own."""
    turns = []
    for part in item["parts"]:
        if not isinstance(part, dict) or "part_kind" not in part:
            return []
        label = _PYDANTIC_ROLES.get(as_text(part["part_kind"]), "assistant")
        content = part.get("content") if label in ("user", "system") else part
        turns.append(Turn(_ROLES[label], label, tuple(read_parts(content))))
    return turns


def _instructed(value: Json, *names: str) -> list[Turn]:
    """The system prompt that stands beside the messages."""
    for name in names:
        found = value.get(name)
        if isinstance(found, dict):
            found = found.get("parts", found)
        if parts := read_parts(found):
            return [Turn(Role.SYSTEM, "system", tuple(parts))]
    return []


def _request(value: Json) -> list[Turn]:
    messages = value["messages"]
    turns = _of_list(messages) if isinstance(messages, list) else []
    return [*_instructed(value, "system", "instructions"), *turns] if turns else []


def _contents(value: Json) -> list[Turn]:
    contents = value["contents"]
    if isinstance(contents, str):
        contents = [{"role": "user", "parts": [{"text": contents}]}]
    if not isinstance(contents, list):
        return []
    messages = [
        {"role": "user", **item} if isinstance(item, dict) else {"role": "user", "parts": [item]}
        for item in contents
    ]
    config = value.get("config")
    turns = _of_list(messages)
    system = _instructed(value, "systemInstruction", "system_instruction") or (
        _instructed(config, "system_instruction", "systemInstruction") if isinstance(config, dict) else []
    )
    return [*system, *turns] if turns else []


def _choices(value: Json) -> list[Turn]:
    """OpenAI's answers: one turn for each choice."""
    turns: list[Turn] = []
    for choice in value["choices"] if isinstance(value["choices"], list) else []:
        if not isinstance(choice, dict):
            return []
        message = choice.get("message") or choice.get("delta")
        if isinstance(message, dict):
            turns.append(_turn(as_text(message.get("role") or "assistant"), message))
        elif isinstance(choice.get("text"), str):
            turns.append(_said("assistant", choice["text"]))
    return turns


def _candidates(value: Json) -> list[Turn]:
    found = value["candidates"] if isinstance(value["candidates"], list) else []
    contents = [
        item["content"] for item in found if isinstance(item, dict) and isinstance(item.get("content"), dict)
    ]
    return _of_list([{"role": "model", **content} for content in contents])


def _generations(value: Json) -> list[Turn]:
    """LangChain's LLMResult."""
    found = value["generations"]
    flat = (
        [item for batch in found for item in (batch if isinstance(batch, list) else [batch])]
        if isinstance(found, list)
        else []
    )
    turns: list[Turn] = []
    for item in flat:
        if not isinstance(item, dict):
            return []
        turns += (
            _message(item["message"])
            if isinstance(item.get("message"), dict)
            else [_said("assistant", as_text(item.get("text")))]
        )
    return turns


def _responses_request(value: Json) -> list[Turn]:
    given = value["input"]
    turns = (
        [_said("user", given)]
        if isinstance(given, str)
        else _of_list(given)
        if isinstance(given, list)
        else []
    )
    if not turns or (isinstance(given, str) and not ("instructions" in value or "model" in value)):
        return []
    return [*_instructed(value, "instructions"), *turns]


def _responses_answer(value: Json) -> list[Turn]:
    output = value["output"]
    if isinstance(output, dict):  # Bedrock: {"output": {"message": {…}}}
        return _message(output)
    return _of_list(output) if isinstance(output, list) else []


def _completion(value: Json) -> list[Turn]:
    prompt = value["prompt"] if "prompt" in value else value["prompts"]
    if isinstance(prompt, list) and all(isinstance(text, str) for text in prompt):
        prompt = "\n\n".join(prompt)
    if not isinstance(prompt, str):
        return _of_list(prompt) if isinstance(prompt, list) else []
    return [*_instructed(value, "system"), _said("user", prompt)]


def _said(label: str, text: str) -> Turn:
    return Turn(_ROLES[label], label, (Part(PartKind.TEXT, clean(text)),) if text else ())


_BY_KEY: Final[tuple[tuple[str, Callable[[Json], list[Turn]]], ...]] = (
    ("messages", _request),
    ("contents", _contents),
    ("choices", _choices),
    ("candidates", _candidates),
    ("generations", _generations),
    ("output", _responses_answer),
    ("input", _responses_request),
    ("prompt", _completion),
    ("prompts", _completion),
)
