"""Names of the span attributes Flywheel reads and writes.

Plain constants: engines import them without Django. Where OpenTelemetry's semantic conventions for
generative AI (https://github.com/open-telemetry/semantic-conventions-genai) have a name it is used
unchanged; the rest is ours.
"""

# What a span is: one of `mapping.ObservationType`.
OBSERVATION_TYPE = "flywheel.observation.type"
# What went in and came out: plain text, or JSON text for anything structured (messages, arguments, passages).
INPUT = "flywheel.input"
OUTPUT = "flywheel.output"

# Model calls.
MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
PROVIDER = "gen_ai.provider.name"
OPERATION = "gen_ai.operation.name"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TEMPERATURE = "gen_ai.request.temperature"
MAX_TOKENS = "gen_ai.request.max_tokens"
TOP_P = "gen_ai.request.top_p"
SEED = "gen_ai.request.seed"
FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
STOP_SEQUENCES = "gen_ai.request.stop_sequences"
# auto, none, required or a tool's name; then two JSON objects: OpenAI's response format, and options of one vendor.
TOOL_CHOICE = "flywheel.request.tool_choice"
RESPONSE_FORMAT = "flywheel.request.response_format"
EXTRA_OPTIONS = "flywheel.request.extra"
# US dollars as a decimal string: a float would lose the sub-cent parts that sums are made of.
COST = "flywheel.cost"
TTFT_MS = "flywheel.time_to_first_token_ms"

# The prompt version a call was made with.
PROMPT_NAME = "flywheel.prompt.name"
PROMPT_VERSION = "flywheel.prompt.version"

# Whose trace it is and where it came from; carried as baggage, copied to every span below.
WORKSPACE_ID = "flywheel.workspace.id"
SESSION_ID = "session.id"
USER_ID = "user.id"
ENVIRONMENT = "deployment.environment.name"
TAGS = "flywheel.tags"
TRACE_NAME = "flywheel.trace.name"
SOURCE_TYPE = "flywheel.source.type"
SOURCE_ID = "flywheel.source.id"

# `flywheel.metadata.<key>` becomes the key of the observation's metadata.
METADATA_PREFIX = "flywheel.metadata."

#: What `context.trace_context` puts into baggage and the span processor copies from it.
INHERITED = (WORKSPACE_ID, SESSION_ID, USER_ID, ENVIRONMENT, TAGS, TRACE_NAME, SOURCE_TYPE, SOURCE_ID)
