// A JSON Schema as a table that people read: name, type, what it means, default and limits; nested objects fold out.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el } from "../dom.js";

const MAX_DEPTH = 6;

/** An element that explains an object schema. */
export function schemaTable(schema) {
  const definitions = schema.$defs ?? {};
  const list = properties(schema, definitions, 0);
  return list ?? el("p", { class: "fw-muted fw-small", text: gettext("Nothing to configure.") });
}

function properties(schema, definitions, depth) {
  const entries = Object.entries(schema.properties ?? {});
  if (!entries.length || depth > MAX_DEPTH) {
    return null;
  }
  const required = new Set(schema.required ?? []);
  return el("ul", { class: "wf-schema" }, entries.map(([name, raw]) => {
    const property = resolve(raw, definitions);
    const facts = limits(property);
    const inner = innerOf(property, definitions);
    return el("li", { class: "wf-schema__item" }, [
      el("div", { class: "fw-row wf-schema__line" }, [
        el("code", { class: "fw-mono fw-strong", text: name }),
        el("span", { class: "fw-muted fw-small", text: typeOf(property, definitions) }),
        required.has(name) ? el("span", { class: "fw-badge fw-badge--info", text: gettext("required") }) : null,
        raw["x-dynamic"] || property["x-dynamic"]
          ? el("span", { class: "fw-badge fw-badge--muted", title: gettext("Takes a literal, a reference $.node.output or a template {{ node.output }}"), text: gettext("dynamic") })
          : null,
      ]),
      property.title && property.title.toLowerCase() !== name.replaceAll("_", " ") ? el("div", { class: "fw-small fw-strong", text: property.title }) : null,
      property.description ? el("p", { class: "fw-small", text: property.description }) : null,
      facts ? el("p", { class: "fw-small fw-muted", text: facts }) : null,
      ...inner.map(([label, sub]) => {
        const body = properties(sub, definitions, depth + 1);
        return body && el("details", { class: "wf-schema__inner" }, [el("summary", { class: "fw-small", text: label }), body]);
      }),
    ]);
  }));
}

function resolve(schema, definitions) {
  let found = schema;
  for (let hops = 0; found?.$ref && hops < 10; hops += 1) {
    const { $ref, ...own } = found;
    found = { ...definitions[$ref.split("/").pop()], ...own };
  }
  return found ?? {};
}

/** Alternatives of a field, without "nothing". */
function alternatives(property, definitions) {
  const all = property.anyOf ?? property.oneOf ?? [];
  return all.map((one) => resolve(one, definitions)).filter((one) => one.type !== "null");
}

function typeOf(property, definitions) {
  if (property["x-dynamic"]) {
    return property["x-dynamic"];
  }
  const options = alternatives(property, definitions);
  if (options.length) {
    return [...new Set(options.map((one) => typeOf(one, definitions)))].join(" | ");
  }
  if (property.enum) {
    return property.enum.map((value) => JSON.stringify(value)).join(" | ");
  }
  if (property.const !== undefined) {
    return JSON.stringify(property.const);
  }
  if (property.type === "array") {
    return interpolate(gettext("list of %(type)s"), { type: typeOf(resolve(property.items ?? {}, definitions), definitions) });
  }
  if (property.type === "object" && property.additionalProperties && typeof property.additionalProperties === "object") {
    return interpolate(gettext("names with %(type)s"), { type: typeOf(resolve(property.additionalProperties, definitions), definitions) });
  }
  return property.type ?? gettext("any");
}

function innerOf(property, definitions) {
  if (property["x-dynamic"]) {
    return [];
  }
  const options = alternatives(property, definitions);
  if (options.length) {
    return options.flatMap((one) => innerOf(one, definitions).map(([label, schema]) => [one.title ?? label, schema]));
  }
  const items = property.type === "array" ? resolve(property.items ?? {}, definitions) : null;
  if (items) {
    return innerOf(items, definitions).map(([label, schema]) => [items.title ?? label, schema]);
  }
  if (property.properties) {
    return [[property.title ?? gettext("Fields"), property]];
  }
  const more = property.additionalProperties;
  return more && typeof more === "object" ? innerOf(resolve(more, definitions), definitions) : [];
}

const LIMITS = [
  ["minimum", "≥"], ["exclusiveMinimum", ">"], ["maximum", "≤"], ["exclusiveMaximum", "<"],
];

function limits(property) {
  const facts = [];
  if (property.default !== undefined && property.default !== null && property.default !== "") {
    facts.push(interpolate(gettext("default %(value)s"), { value: short(property.default) }));
  }
  for (const one of [property, ...(property.anyOf ?? [])]) {
    LIMITS.filter(([key]) => one[key] !== undefined).forEach(([key, sign]) => facts.push(`${sign} ${one[key]}`));
    if (one.maxLength) {
      facts.push(interpolate(gettext("at most %(n)s characters"), { n: one.maxLength }));
    }
    if (one.maxItems) {
      facts.push(interpolate(gettext("at most %(n)s items"), { n: one.maxItems }));
    }
  }
  return facts.join(", ");
}

function short(value) {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
