// A form made from a list of fields: for the inputs of a start node, and for what a run asks people.
// A field: {name, label, type, required, default, options: [{value, label}], help, placeholder, maxLength, min, max,
// accept, maxFiles, readOnly}; types: text, paragraph, number, integer, boolean, select, multiselect, date, datetime,
// url, email, secret, file, files, json (with `shape` "object", "array" or "any"), static (text to read).
import { send } from "../../../core/js/http.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el, icon, iconButton } from "../dom.js";

const FILES = "/api/v1/workflow-files/";

let forms = 0;

export class FieldForm {
  /** upload(file) → description of the kept file; the console's API by default. */
  constructor(fields, { values = {}, upload = uploadFile } = {}) {
    this.prefix = `wf-form-${(forms += 1)}`;
    this.controls = fields.map((field) => makeControl(field, { prefix: this.prefix, value: values[field.name] ?? field.default, upload }));
    this.element = el("div", { class: "fw-stack" }, this.controls.map((control) => control.element));
  }

  /** Values by name, or null when something is wrong; what is wrong stands at the fields. */
  read() {
    const values = {};
    let first = null;
    for (const control of this.controls) {
      const { value, error } = control.read();
      control.show(error ?? "");
      if (error) {
        first ??= control;
      } else if (value !== undefined) {
        values[control.field.name] = value;
      }
    }
    first?.focus();
    return first ? null : values;
  }

  /** Show the server's refusal: {name: [sentences]}; returns sentences that belong to no field. */
  showErrors(errors) {
    const left = [];
    let first = null;
    for (const [name, sentences] of Object.entries(errors)) {
      const text = [sentences].flat().join(" ");
      const control = this.controls.find((one) => one.field.name === name || name.startsWith(`${one.field.name}.`) || name.startsWith(`${one.field.name}[`));
      if (control) {
        control.show(text);
        first ??= control;
      } else {
        left.push(name ? `${name}: ${text}` : text);
      }
    }
    first?.focus();
    return left;
  }
}

async function uploadFile(file) {
  const body = new FormData();
  body.append("file", file);
  const response = await send(FILES, { method: "POST", body, quiet: true });
  return response.json();
}

function makeControl(field, context) {
  const id = `${context.prefix}-${field.name}`;
  const error = el("p", { class: "fw-field__error", id: `${id}-error`, hidden: true });
  const made = (MAKERS[field.type] ?? MAKERS.text)(field, { ...context, id });
  const label = field.label || field.name;
  const mark = field.required && field.type !== "boolean" ? el("span", { class: "wf-required", text: " *", title: gettext("required") }) : null;
  const help = field.help ? el("span", { class: "fw-field__help", id: `${id}-help`, text: field.help }) : null;
  const grouped = made.group ?? false;
  const element = field.type === "static"
    ? el("div", { class: "fw-field" }, [made.input])
    : el("div", { class: `fw-field${field.type === "boolean" ? " fw-field--inline wf-boolean" : ""}`, role: grouped ? "group" : null, "aria-labelledby": grouped ? `${id}-label` : null }, [
      field.type === "boolean" ? made.input : null,
      el(grouped ? "span" : "label", { class: "fw-field__label", for: grouped ? null : id, id: `${id}-label` }, [label, mark]),
      field.type === "boolean" ? null : made.input,
      help, error,
    ]);
  const target = made.target ?? made.input;
  target.setAttribute("aria-describedby", [help ? `${id}-help` : "", `${id}-error`].filter(Boolean).join(" "));
  return {
    field,
    element,
    focus: () => target.focus(),
    show: (text) => {
      error.textContent = text;
      error.hidden = !text;
      if (text) {
        target.setAttribute("aria-invalid", "true");
      } else {
        target.removeAttribute("aria-invalid");
      }
    },
    read: () => {
      const answer = made.read();
      if (!answer.error && field.required && isEmpty(answer.value) && field.type !== "boolean" && field.type !== "static") {
        return { error: gettext("This is required.") };
      }
      return answer;
    },
  };
}

function isEmpty(value) {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
}

/* ---- kinds of fields: each returns {input, read() → {value} or {error}} ---- */

function line(type, extra = () => ({})) {
  return (field, { id, value }) => {
    const input = el("input", {
      class: "fw-input", id, type, value: value ?? "", maxlength: field.maxLength, placeholder: field.placeholder,
      readonly: field.readOnly, autocomplete: type === "password" ? "new-password" : "off", ...extra(field),
    });
    return { input, read: () => checkedText(input, field) };
  };
}

function checkedText(input, field) {
  if (input.value && !input.checkValidity()) {
    return { error: input.validationMessage };
  }
  return { value: textOrNothing(input.value, field) };
}

function textOrNothing(text, field) {
  return text === "" && !field.required && field.default === undefined ? undefined : text;
}

function paragraph(field, { id, value }) {
  const input = el("textarea", {
    class: "fw-textarea", id, rows: 5, maxlength: field.maxLength, placeholder: field.placeholder, readonly: field.readOnly,
  });
  input.value = value ?? "";
  return { input, read: () => ({ value: textOrNothing(input.value, field) }) };
}

function number(field, { id, value }) {
  const whole = field.type === "integer";
  const input = el("input", {
    class: "fw-input", id, type: "number", step: whole ? 1 : "any", min: field.min, max: field.max, value: value ?? "",
    placeholder: field.placeholder, readonly: field.readOnly,
  });
  return {
    input,
    read: () => {
      if (!input.checkValidity()) {
        return { error: input.validationMessage || gettext("Not a number.") };
      }
      return { value: input.value === "" ? undefined : Number(input.value) };
    },
  };
}

function boolean(field, { id, value }) {
  const input = el("input", { class: "fw-checkbox", id, type: "checkbox", disabled: field.readOnly });
  input.checked = value === true || value === "true";
  return { input, read: () => ({ value: input.checked }) };
}

function select(field, { id, value }) {
  const input = el("select", { class: "fw-select", id, disabled: field.readOnly }, [
    field.required && !isEmpty(value) ? null : el("option", { value: "", text: "–" }),
    ...(field.options ?? []).map((option) => el("option", { value: String(option.value), text: option.label, selected: option.value === value })),
  ]);
  const known = (field.options ?? []).map((option) => option.value);
  return {
    input,
    read: () => ({ value: input.value === "" ? undefined : known.find((one) => String(one) === input.value) }),
  };
}

function multiselect(field, { id, value }) {
  const chosen = new Set([value ?? []].flat());
  const boxes = (field.options ?? []).map((option) => {
    const box = el("input", { class: "fw-checkbox", type: "checkbox", disabled: field.readOnly });
    box.checked = chosen.has(option.value);
    return { box, option };
  });
  const input = el("div", { class: "fw-row", id, tabindex: "-1" }, boxes.map(({ box, option }) => el("label", { class: "fw-chip" }, [box, option.label])));
  return {
    input, group: true,
    read: () => ({ value: boxes.filter(({ box }) => box.checked).map(({ option }) => option.value) }),
  };
}

function json(field, { id, value }) {
  const input = el("textarea", { class: "fw-textarea fw-mono", id, rows: 6, spellcheck: "false", placeholder: field.shape === "array" ? "[]" : "{}", readonly: field.readOnly });
  input.value = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return {
    input,
    read: () => {
      if (!input.value.trim()) {
        return { value: undefined };
      }
      let parsed;
      try {
        parsed = JSON.parse(input.value);
      } catch (error) {
        return { error: interpolate(gettext("Not valid JSON: %(reason)s"), { reason: error.message }) };
      }
      if (field.shape === "array" && !Array.isArray(parsed)) {
        return { error: gettext("A JSON list is needed: [ … ]") };
      }
      if (field.shape === "object" && (parsed === null || typeof parsed !== "object" || Array.isArray(parsed))) {
        return { error: gettext("A JSON object is needed: { … }") };
      }
      return { value: parsed };
    },
  };
}

function files(field, { id, value, upload }) {
  const many = field.type === "files";
  let kept = [value ?? []].flat().filter(Boolean);
  let working = 0;
  let trouble = "";
  const chooser = el("input", { type: "file", id, class: "fw-input", accept: field.accept, multiple: many });
  const list = el("ul", { class: "wf-files" });
  const draw = () => list.replaceChildren(...kept.map((file) => el("li", { class: "fw-row fw-row--nowrap" }, [
    icon("draft"),
    el("span", { class: "fw-truncate fw-grow", text: file.name }),
    iconButton("close", interpolate(gettext("Remove %(name)s"), { name: file.name }), () => {
      kept = kept.filter((one) => one !== file);
      draw();
    }),
  ])), ...Array.from({ length: working }, () => el("li", { class: "fw-row" }, [el("span", { class: "fw-spinner" }), gettext("Uploading…")])));
  chooser.addEventListener("change", async () => {
    trouble = "";
    const chosen = [...chooser.files];
    chooser.value = "";
    if (!many) {
      kept = [];
    }
    await Promise.all(chosen.map(async (file) => {
      working += 1;
      draw();
      try {
        kept.push(await upload(file));
      } catch (error) {
        trouble = error.message;
      }
      working -= 1;
      draw();
    }));
  });
  draw();
  return {
    input: el("div", { class: "fw-stack fw-stack--small" }, [chooser, list]),
    target: chooser,
    read: () => {
      if (working) {
        return { error: gettext("Wait until the files are uploaded.") };
      }
      if (trouble && !kept.length) {
        return { error: trouble };
      }
      if (field.maxFiles && kept.length > field.maxFiles) {
        return { error: interpolate(gettext("At most %(n)s files."), { n: field.maxFiles }) };
      }
      return { value: many ? kept : kept[0] };
    },
  };
}

function fixed(field) {
  return { input: el("p", { class: "wf-static", text: field.default ?? field.label ?? "" }), read: () => ({ value: undefined }) };
}

const MAKERS = {
  text: line("text"),
  url: line("url"),
  email: line("email"),
  secret: line("password"),
  date: line("date", (field) => ({ min: field.min, max: field.max })),
  datetime: line("datetime-local", (field) => ({ min: field.min, max: field.max })),
  paragraph,
  number,
  integer: number,
  boolean,
  select,
  multiselect,
  json,
  file: files,
  files,
  static: fixed,
};
