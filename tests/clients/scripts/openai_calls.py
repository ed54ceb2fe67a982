"""Calls of the `openai` package, traced by the instrumentation named first; prints the trace's id."""

import json
import os
import sys

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

instrumentation, model_server = sys.argv[1:]
if instrumentation == "openinference":
    from openinference.instrumentation.openai import OpenAIInstrumentor
else:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

provider = TracerProvider(resource=Resource({"service.name": "shop", "deployment.environment.name": "test"}))
exporter = OTLPSpanExporter(
    endpoint=f"{os.environ['LANGFUSE_BASE_URL']}/v1/traces",
    headers={"authorization": f"Bearer {os.environ['LANGFUSE_SECRET_KEY']}"},
)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
client = OpenAI(base_url=model_server, api_key="sk-test")
question = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Where is it?"}]
with provider.get_tracer("shop").start_as_current_span("question") as root:
    answer = client.chat.completions.create(model="echo", messages=question, temperature=0.5)
    stream = client.chat.completions.create(
        model="echo", messages=question, stream=True, stream_options={"include_usage": True}
    )
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    trace_id = f"{root.get_span_context().trace_id:032x}"
done = provider.force_flush()
usage = [answer.usage.prompt_tokens, answer.usage.completion_tokens]
text = answer.choices[0].message.content
print(json.dumps({"trace_id": trace_id, "usage": usage, "text": text, "streamed": streamed, "done": done}))
provider.shutdown()
