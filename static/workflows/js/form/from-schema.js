// Fields (see fields.js) from a form's JSON Schema: properties with title, description, default and x-widget.

const WIDGETS = {
  text: "text", paragraph: "paragraph", number: "number", integer: "integer", select: "select", multi_select: "multiselect",
  checkbox: "boolean", date: "date", datetime: "datetime", email: "email", url: "url", file: "file", files: "files",
  secret: "secret", json: "json", object: "json", array: "json",
};

const KINDS = {
  image: "image/*", audio: "audio/*", video: "video/*",
  document: ".csv,.doc,.docx,.epub,.html,.json,.md,.odt,.pdf,.ppt,.pptx,.rtf,.txt,.xls,.xlsx,.xml,.yaml",
};

/** The fields of an object schema, in its order. */
export function fieldsOf(schema) {
  const required = new Set(schema?.required ?? []);
  const shown = Object.entries(schema?.properties ?? {}).filter(([, property]) => !property["x-hidden"]);
  return shown.map(([name, property]) => fieldOf(name, property, required.has(name)));
}

function fieldOf(name, property, required) {
  const type = WIDGETS[property["x-widget"]] ?? byType(property);
  const options = property.oneOf ?? property.items?.oneOf ?? (property.enum ?? property.items?.enum)?.map((value) => ({ const: value, title: String(value) }));
  return {
    name,
    type,
    label: property.title ?? name,
    help: property.description ?? "",
    placeholder: property["x-placeholder"] ?? "",
    required,
    default: property.default,
    options: options?.map((option) => ({ value: option.const, label: option.title ?? String(option.const) })),
    maxLength: property.maxLength,
    min: property.minimum,
    max: property.maximum,
    maxFiles: property.maxItems,
    accept: acceptOf(property["x-file"]),
    shape: property.type === "array" ? "array" : property.type === "object" ? "object" : "any",
  };
}

function byType(property) {
  if (property.oneOf || property.enum) {
    return "select";
  }
  const { type } = property;
  if (type === "array") {
    return property.items?.oneOf || property.items?.enum ? "multiselect" : "json";
  }
  return { string: "text", number: "number", integer: "integer", boolean: "boolean" }[type] ?? "json";
}

function acceptOf(rules) {
  if (!rules) {
    return null;
  }
  if (rules.extensions?.length) {
    return rules.extensions.map((one) => (one.startsWith(".") ? one : `.${one}`)).join(",");
  }
  const kinds = (rules.kinds ?? []).map((kind) => KINDS[kind]);
  return kinds.length && kinds.every(Boolean) ? kinds.join(",") : null;
}
