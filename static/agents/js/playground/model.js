// The model of a column and how it answers.
import { gettext } from "../../../core/js/i18n.js";
import { area, field, fold, input, select } from "./fields.js";

const EFFORTS = ["", "none", "minimal", "low", "medium", "high"];

/** A choice of the workspace's chat models. */
export function modelChoice(column, models, changed) {
  const choices = [
    ["", models.length > 0 ? `${gettext("Default model")} (${models[0].title})` : gettext("No chat model")],
    ...models.map((model) => [model.id, `${model.title} · ${model.provider}`]),
  ];
  if (!models.some((model) => model.id === column.model)) {
    column.model = "";
  }
  return select(column, "model", choices, changed, { "aria-label": gettext("Model") });
}

/** Fold with the parameters of a column. */
export function parametersPart(column, changed) {
  const values = column.parameters;
  const used = () => Object.values(values).filter((value) => value !== "" && value !== null).length;
  const noted = () => {
    part.note(used() > 0 ? String(used()) : "");
    changed();
  };
  const number = (name, attributes) => input(values, name, noted, { type: "number", step: "any", ...attributes });
  const part = fold(
    gettext("Parameters"),
    [
      field(gettext("Temperature"), number("temperature", { min: "0", max: "2", step: "0.1" })),
      field(gettext("Top P"), number("top_p", { min: "0", max: "1", step: "0.05" })),
      field(gettext("Longest answer (tokens)"), number("max_tokens", { min: "1", step: "1" })),
      field(gettext("Seed"), number("seed", { step: "1" })),
      field(gettext("Frequency penalty"), number("frequency_penalty", { min: "-2", max: "2", step: "0.1" })),
      field(gettext("Presence penalty"), number("presence_penalty", { min: "-2", max: "2", step: "0.1" })),
      field(
        gettext("Reasoning effort"),
        select(
          values,
          "reasoning_effort",
          EFFORTS.map((effort) => [effort, effort || gettext("The model's own")]),
          noted,
        ),
      ),
      field(gettext("Stop at"), area(values, "stop", noted), { help: gettext("One text per line.") }),
      field(
        gettext("Further options (JSON)"),
        area(values, "extra", noted, { class: "fw-textarea playground-area fw-mono", spellcheck: "false" }),
        { help: gettext("Sent to the provider as they are.") },
      ),
    ],
    { note: used() > 0 ? String(used()) : "" },
  );
  part.node.querySelector(".playground-fold__body").classList.add("playground-parameters");
  return part.node;
}
