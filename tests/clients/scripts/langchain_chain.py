"""A LangChain chain with the callback handler of the Langfuse SDK; prints the trace's id."""

import json

from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langfuse import get_client
from langfuse.langchain import CallbackHandler

handler = CallbackHandler()
prompt = ChatPromptTemplate.from_messages([("system", "Be kind."), ("user", "{question}")])
chain = prompt | FakeListChatModel(responses=["Over there."]) | StrOutputParser()
config = {
    "callbacks": [handler],
    "metadata": {
        "langfuse_user_id": "user-9",
        "langfuse_session_id": "session-9",
        "langfuse_tags": ["chain"],
    },
}
text = chain.invoke({"question": "Where is it?"}, config=config)
client = get_client()
client.flush()
print(json.dumps({"trace_id": handler.last_trace_id, "text": text}))
client.shutdown()
