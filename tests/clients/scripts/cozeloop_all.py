"""Spans and prompts with the cozeloop SDK; prints what was sent and got."""

import json
import os
import sys

import cozeloop
from cozeloop.entities.prompt import Message, Role
from cozeloop.internal.consts import RemoteServiceError

client = cozeloop.new_client(
    ultra_large_report=True,
    workspace_id="any",
    api_token=os.environ["LANGFUSE_SECRET_KEY"],
    api_base_url=os.environ["LANGFUSE_BASE_URL"],
)
ask = Message(role=Role.USER, content="Where is it?")
root = client.start_span("question", "agent")
root.set_user_id("user-8")
root.set_thread_id("thread-8")
root.set_input("Where?")
model = client.start_span("answer", "model", child_of=root)
model.set_input({"messages": [{"role": "user", "content": "Where?"}]})
model.set_output({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Here."}}]})
model.set_model_name("small-1")
model.set_model_provider("acme")
model.set_input_tokens(11)
model.set_output_tokens(7)
model.set_tags({"shelf": 3})
model.finish()
failed = client.start_span("lookup", "tool", child_of=root)
failed.set_error(RuntimeError("nothing there"))
failed.finish()
root.set_output("Here.")
root.finish()
large = client.start_span("large", "tool", child_of=root)
large.set_input("word " * 300_000)
large.finish()
client.flush()
prompt = client.get_prompt(prompt_key=sys.argv[1])
messages = client.prompt_format(prompt, {"name": "Ada", "history": []})
answer = client.execute_prompt(sys.argv[1], variable_vals={"name": "Ada"}, messages=[ask])
pieces = list(client.execute_prompt(sys.argv[1], variable_vals={"name": "Ada"}, messages=[ask], stream=True))
try:
    missing = str(client.get_prompt(prompt_key="nothing of the kind"))
except RemoteServiceError as error:
    missing = str(error)
print(
    json.dumps(
        {
            "trace_id": root.trace_id,
            "version": prompt.version,
            "messages": [[str(message.role.value), message.content] for message in messages],
            "temperature": prompt.llm_config.temperature,
            "missing": missing,
            "answer": [answer.message.content, answer.finish_reason, answer.usage.output_tokens],
            "streamed": "".join(piece.message.content or "" for piece in pieces),
            "usage": pieces[-1].usage.output_tokens,
        }
    )
)
client.close()
