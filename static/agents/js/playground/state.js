// What a session holds, as plain data: columns, values of variables, messages of placeholders.
import { gettext, interpolate } from "../../../core/js/i18n.js";

export const MAX_COLUMNS = 4;
export const ROLES = ["system", "user", "assistant", "tool"];
const NUMBERS = ["temperature", "top_p", "max_tokens", "seed", "frequency_penalty", "presence_penalty"];
// as apps/agents/prompts.py reads them
const VARIABLE = /\{\{\s*([\p{L}_][\p{L}\p{N}_.-]{0,199})\s*\}\}/gu;

/** A column that asks nothing yet. */
export function emptyColumn() {
  return {
    messages: [
      { role: "system", content: "" },
      { role: "user", content: "" },
    ],
    tools: [],
    tool_choice: "",
    format: { type: "text", name: "answer", schema: "", strict: false },
    model: "",
    parameters: {},
    prompt: null,
    answer: null,
  };
}

/** A stored state with everything in its place; what an answer was doing when the page closed is over. */
export function readState(stored) {
  const columns = (stored?.columns ?? []).slice(0, MAX_COLUMNS).map((column) => {
    const whole = { ...emptyColumn(), ...column };
    whole.format = { ...emptyColumn().format, ...column.format };
    if (whole.answer?.state === "running") {
      whole.answer.state = "stopped";
    }
    return whole;
  });
  return {
    columns: columns.length > 0 ? columns : [emptyColumn()],
    variables: { ...stored?.variables },
    placeholders: { ...stored?.placeholders },
  };
}

/** A column like another, without its answer. */
export function copyOf(column) {
  return { ...structuredClone(column), answer: null };
}

/** Names of the variables and placeholders in all columns, in the order they appear. */
export function namesIn(state) {
  const variables = new Set();
  const placeholders = new Set();
  for (const message of state.columns.flatMap((column) => column.messages)) {
    if (message.type === "placeholder") {
      if (message.name.trim()) {
        placeholders.add(message.name.trim());
      }
    } else {
      for (const match of message.content.matchAll(VARIABLE)) {
        variables.add(match[1]);
      }
    }
  }
  return { variables: [...variables], placeholders: [...placeholders] };
}

function jsonObject(text, what) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(interpolate(gettext("%(what)s: this is not JSON (%(why)s)."), { what, why: error.message }), {
      cause: error,
    });
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Error(interpolate(gettext("%(what)s: this is not a JSON object."), { what }));
  }
  return value;
}

/** The JSON Schema in a text; throws an Error that says what is wrong. `mustBe` is a type it has to describe. */
export function schemaOf(text, what, mustBe = "") {
  const schema = jsonObject(text, what);
  if (mustBe && (schema.type ?? mustBe) !== mustBe) {
    throw new Error(interpolate(gettext("%(what)s: the schema has to be of type %(type)s."), { what, type: mustBe }));
  }
  const { properties, required } = schema;
  if (properties !== undefined && (properties === null || typeof properties !== "object" || Array.isArray(properties))) {
    throw new Error(interpolate(gettext("%(what)s: “properties” is not an object."), { what }));
  }
  if (required !== undefined && !(Array.isArray(required) && required.every((name) => typeof name === "string"))) {
    throw new Error(interpolate(gettext("%(what)s: “required” is not a list of names."), { what }));
  }
  return schema;
}

function toolOf(tool) {
  const name = tool.name.trim();
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
    throw new Error(gettext("A tool needs a name of letters, digits, dots, hyphens and underscores."));
  }
  return { name, description: tool.description, parameters: schemaOf(tool.parameters || "{}", name, "object") };
}

function formatOf(format) {
  if (format.type === "json_schema") {
    const schema = schemaOf(format.schema, gettext("Answer format"));
    const name = format.name.trim() || "answer";
    return { type: "json_schema", json_schema: { name, schema, ...(format.strict ? { strict: true } : {}) } };
  }
  return format.type === "json_object" ? { type: "json_object" } : null;
}

/** Parameters, tools and format of a column as the server takes them; throws an Error for what can't be read. */
export function settingsOf(column) {
  const settings = {};
  for (const name of NUMBERS) {
    const value = column.parameters[name];
    if (value !== undefined && value !== "" && value !== null) {
      settings[name] = Number(value);
    }
  }
  if (column.parameters.reasoning_effort) {
    settings.reasoning_effort = column.parameters.reasoning_effort;
  }
  const stop = (column.parameters.stop ?? "").split("\n").filter(Boolean);
  if (stop.length > 0) {
    settings.stop = stop;
  }
  if ((column.parameters.extra ?? "").trim()) {
    settings.extra = jsonObject(column.parameters.extra, gettext("Further options"));
  }
  if (column.tools.length > 0) {
    settings.tools = column.tools.map(toolOf);
    if (column.tool_choice) {
      settings.tool_choice = column.tool_choice;
    }
  }
  const format = formatOf(column.format);
  return format ? { ...settings, response_format: format } : settings;
}

/** The body of a run; throws an Error for what can't be read. */
export function runBody(state, column, session) {
  const names = namesIn({ columns: [column] });
  const pick = (values, wanted, empty) => Object.fromEntries(wanted.map((name) => [name, values[name] ?? empty]));
  return {
    messages: column.messages.filter(
      (message) =>
        message.type === "placeholder" ||
        message.content ||
        message.tool_calls?.length ||
        message.images?.length ||
        message.role === "tool",
    ),
    variables: pick(state.variables, names.variables, ""),
    placeholders: pick(state.placeholders, names.placeholders, []),
    settings: settingsOf(column),
    model: column.model,
    prompt: column.prompt ? { name: column.prompt.name, version: column.prompt.version } : null,
    session,
    stream: true,
  };
}

/** The content of a column as a prompt's: a text when `type` is text, else messages without pictures. */
export function promptContent(column, type) {
  if (type === "text") {
    return column.messages.map((message) => message.content ?? "").join("\n\n");
  }
  return column.messages
    .filter((message) => message.type === "placeholder" || message.content || message.tool_calls?.length)
    .map(({ images, ...message }) => message);
}

/** True when the column is one text, and nothing a text prompt could not say. */
export function isOneText(column) {
  const said = column.messages.filter((message) => message.type === "placeholder" || message.content);
  return said.length === 1 && said[0].type !== "placeholder" && !said[0].tool_calls?.length;
}
