"""Traces and scores with the Langfuse SDK, whatever its line; prints what was sent."""

import json

from langfuse import get_client, propagate_attributes

client = get_client()
assert client.auth_check()
with client.start_as_current_observation(name="question", as_type="agent", input={"q": "Where?"}) as root:
    with propagate_attributes(user_id="user-7", session_id="session-7", tags=["clients"]):
        with client.start_as_current_observation(name="search", as_type="retriever", input="Where?") as step:
            step.update(output=["Here."], metadata={"top_k": 3, "source": "atlas"})
        with client.start_as_current_observation(
            name="answer",
            as_type="generation",
            model="small-1",
            model_parameters={"temperature": 0.5},
            input=[{"role": "user", "content": "Where?"}],
        ) as generation:
            generation.update(
                output={"role": "assistant", "content": "Here."},
                usage_details={"input": 11, "output": 7},
                cost_details={"input": 0.001, "output": 0.002},
            )
            generation.score(name="exact", value=True, data_type="BOOLEAN")
    root.update(output="Here.", level="WARNING", status_message="slow")
    trace_id, root_id = root.trace_id, root.id
for number in range(20):
    client.create_score(trace_id=trace_id, name=f"score {number}", value=number / 2, comment="fine")
client.create_score(trace_id=trace_id, name="tone", value="warm", data_type="CATEGORICAL", score_id="one-id")
client.create_score(trace_id=trace_id, name="tone", value="cold", data_type="CATEGORICAL", score_id="one-id")
client.flush()
print(json.dumps({"trace_id": trace_id, "root_id": root_id, "url": client.get_trace_url(trace_id=trace_id)}))
client.shutdown()
