"""Prompts with the Langfuse SDK, whatever its line; prints what it got."""

import json
import sys

from langfuse import get_client

client = get_client()
folder = sys.argv[1]
name = f"{folder}/greeting"
client.create_prompt(name=name, prompt="Hello {{name}}", labels=["production"], tags=["sdk"])
client.create_prompt(
    name=name, prompt="Good day {{name}}", config={"temperature": 0.5}, commit_message="politer"
)
client.create_prompt(
    name=f"{folder}/chat",
    type="chat",
    prompt=[
        {"role": "system", "content": "Be kind to {{name}}."},
        {"type": "placeholder", "name": "history"},
    ],
    labels=["production", "staging"],
)
production = client.get_prompt(name)
newest = client.get_prompt(name, label="latest")
second = client.get_prompt(name, version=2)
chat = client.get_prompt(f"{folder}/chat", type="chat", label="staging")
client.update_prompt(name=name, version=2, new_labels=["production"])
client.clear_prompt_cache()
missing = client.get_prompt("nothing of the kind", fallback="instead")
print(
    json.dumps(
        {
            "production": [production.version, production.compile(name="Ada"), production.tags],
            "newest": [newest.version, newest.config, sorted(newest.labels)],
            "second": [second.version, second.prompt, second.commit_message],
            "chat": chat.compile(name="Ada", history=[{"role": "user", "content": "Hi"}]),
            "moved": client.get_prompt(name).version,
            "missing": missing.compile(),
            "listed": sorted(
                row.name for row in client.api.prompts.list(limit=100).data if folder in row.name
            ),
        }
    )
)
client.shutdown()
