"""A trace told in events, with line 2 of the Langfuse SDK; prints what was sent."""

import json

from langfuse import Langfuse

client = Langfuse()
trace = client.trace(
    name="question", user_id="user-2", session_id="session-2", tags=["old"], input={"q": "Where?"}
)
span = trace.span(name="search", input="Where?")
generation = span.generation(
    name="answer",
    model="small-1",
    model_parameters={"temperature": 0.5},
    input=[{"role": "user", "content": "Where?"}],
)
client.flush()
generation.end(
    output={"role": "assistant", "content": "Here."}, usage={"input": 11, "output": 7, "unit": "TOKENS"}
)
span.event(name="noted", level="WARNING", status_message="slow")
span.end(output=["Here."])
trace.update(output="Here.", metadata={"kind": "test"})
generation.score(name="exact", value=1.0, comment="fine")
client.flush()
found = client.fetch_trace(trace.id).data
print(
    json.dumps(
        {
            "id": trace.id,
            "name": found.name,
            "output": found.output,
            "steps": sorted(step.name for step in found.observations),
            "scores": [score.name for score in found.scores],
        }
    )
)
client.shutdown()
