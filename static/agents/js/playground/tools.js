// Tools and the format of the answer, both by JSON Schema.
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { el, icon, iconButton } from "../dom.js";
import { area, field, fold, input, problemLine, select } from "./fields.js";
import { schemaOf } from "./state.js";

const EXAMPLE = JSON.stringify(
  { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  null,
  2,
);

function checked(problem, check) {
  try {
    check();
    problem.show("");
  } catch (error) {
    problem.show(error.message);
  }
}

function schemaField(label, target, name, mustBe, changed) {
  const problem = problemLine();
  const check = () => checked(problem, () => target[name].trim() && schemaOf(target[name], label, mustBe));
  const text = area(
    target,
    name,
    () => {
      check();
      changed();
    },
    { class: "fw-textarea playground-area fw-mono", spellcheck: "false" },
  );
  check();
  return field(label, text, { error: problem.node });
}

/** Fold with the tools of a column. */
export function toolsPart(column, changed) {
  const list = el("div", { class: "fw-stack" });
  const choice = el("div");
  const part = fold(gettext("Tools"), [
    list,
    el("div", { class: "fw-row" }, [
      el(
        "button",
        {
          type: "button",
          class: "fw-button fw-button--small fw-button--ghost",
          onclick: () => {
            column.tools.push({ name: "", description: "", parameters: EXAMPLE });
            draw(column.tools.length - 1);
            changed();
          },
        },
        [icon("add"), gettext("Tool")],
      ),
    ]),
    choice,
  ]);

  function row(tool, index) {
    const number = { n: index + 1 };
    return el("fieldset", { class: "playground-tool" }, [
      el("legend", { class: "fw-visually-hidden", text: interpolate(gettext("Tool %(n)s"), number) }),
      el("div", { class: "fw-row fw-row--nowrap" }, [
        input(
          tool,
          "name",
          () => {
            drawChoice();
            changed();
          },
          {
            "aria-label": interpolate(gettext("Name of tool %(n)s"), number),
            placeholder: "get_weather",
            maxlength: "64",
            pattern: "[A-Za-z0-9_.\\-]{1,64}",
          },
        ),
        iconButton("close", interpolate(gettext("Remove tool %(n)s"), number), () => {
          column.tools.splice(index, 1);
          draw();
          changed();
        }),
      ]),
      field(gettext("What it does"), area(tool, "description", changed)),
      schemaField(gettext("Parameters (JSON Schema)"), tool, "parameters", "object", changed),
    ]);
  }

  function drawChoice() {
    const names = column.tools.map((tool) => tool.name).filter(Boolean);
    if (column.tool_choice && !["auto", "none", "required", ...names].includes(column.tool_choice)) {
      column.tool_choice = "";
    }
    const choices = [
      ["", gettext("The model decides")],
      ["none", gettext("No tool")],
      ["required", gettext("Some tool")],
      ...names.map((name) => [name, interpolate(gettext("The tool %(name)s"), { name })]),
    ];
    if (column.tool_choice === "auto") {
      column.tool_choice = "";
    }
    choice.replaceChildren(
      ...(names.length > 0 ? [field(gettext("Tool choice"), select(column, "tool_choice", choices, changed))] : []),
    );
    part.note(column.tools.length > 0 ? String(column.tools.length) : "");
  }

  function draw(focused = null) {
    list.replaceChildren(...column.tools.map(row));
    drawChoice();
    if (focused !== null) {
      list.children[focused]?.querySelector("input")?.focus();
    }
  }

  draw();
  part.node.open = column.tools.length > 0 && column.tools.length < 3;
  return part.node;
}

/** Fold with the format of a column's answer. */
export function formatPart(column, changed) {
  const format = column.format;
  const details = el("div", { class: "fw-stack" });
  const titles = { text: gettext("Text"), json_object: gettext("JSON"), json_schema: gettext("JSON Schema") };
  const part = fold(gettext("Answer format"), [
    select(
      format,
      "type",
      Object.entries(titles),
      () => {
        draw();
        changed();
      },
      { "aria-label": gettext("Answer format") },
    ),
    details,
  ]);

  function draw() {
    part.note(format.type === "text" ? "" : titles[format.type]);
    if (format.type !== "json_schema") {
      details.replaceChildren();
      return;
    }
    format.schema ||= EXAMPLE;
    const strict = el("input", { type: "checkbox", class: "fw-checkbox", checked: format.strict });
    strict.addEventListener("change", () => {
      format.strict = strict.checked;
      changed();
    });
    details.replaceChildren(
      field(gettext("Name"), input(format, "name", changed, { maxlength: "64" })),
      schemaField(gettext("JSON Schema"), format, "schema", "", changed),
      el("label", { class: "fw-row" }, [strict, gettext("Strict: every property required and none besides")]),
    );
  }

  draw();
  return part.node;
}
