// Triggers: the dialogs that make and change them, the preview of a schedule, the secret that is shown once.
import { confirm } from "../../../core/js/dialog.js";
import { post } from "../../../core/js/http.js";
import { gettext, interpolate } from "../../../core/js/i18n.js";
import { localTime } from "../../../core/js/time.js";
import { button, debounce, el, pageData } from "../dom.js";
import { FieldForm } from "../form/fields.js";

const data = pageData("wf-data");
const act = (body, options = {}) => post(data.url, body, options);

const options = (values) => values.map((value) => (Array.isArray(value) ? { value: value[0], label: value[1] } : { value, label: value }));

function inputsField(known) {
  return {
    name: "inputs", type: "json", shape: "object", label: gettext("Inputs"), default: known,
    help: gettext("Inputs of the run by name: values, references or templates over what the trigger knows."),
  };
}

const FIELDS = {
  schedule: (config) => [
    {
      name: "cron", type: "text", label: gettext("When"), required: true, default: config.cron ?? "0 8 * * mon-fri",
      help: gettext("Cron: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly."),
    },
    {
      name: "timezone", type: "select", label: gettext("Time zone"), required: true, options: options(data.zones),
      default: config.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC",
    },
    {
      name: "missed", type: "select", label: gettext("Moments that were missed"), required: true, default: config.missed ?? "once",
      options: options([["skip", gettext("leave out")], ["once", gettext("make up for the last one")], ["all", gettext("make up for each")]]),
      help: gettext("When the product did not run at the time."),
    },
    inputsField(config.inputs ?? data.sample),
  ],
  webhook: (config) => [
    {
      name: "methods", type: "multiselect", label: gettext("Methods"), default: config.methods ?? ["POST"],
      options: options(["POST", "GET", "PUT", "PATCH", "DELETE"]),
    },
    {
      name: "signature", type: "select", label: gettext("Signature"), required: true, default: config.signature ?? "hmac",
      options: options([["hmac", gettext("signed with the secret (HMAC-SHA256)")], ["none", gettext("none: the address is the only secret")]]),
    },
    {
      name: "response", type: "select", label: gettext("Answer"), required: true, default: config.response ?? "async",
      options: options([["async", gettext("at once, with the run's id")], ["sync", gettext("when the run has ended")]]),
    },
    { name: "wait_s", type: "integer", label: gettext("Wait at most (seconds)"), min: 1, max: 120, default: config.wait_s ?? 30, required: true },
    { ...inputsField(config.inputs ?? {}), help: gettext("Over the call: $.body, $.query, $.headers, such as {\"order\": \"$.body.order\"}.") },
  ],
  event: (config) => [
    { name: "event", type: "select", label: gettext("Event"), required: true, options: options(Object.keys(data.events)), default: config.event ?? Object.keys(data.events)[0] },
    { name: "when", type: "text", label: gettext("Only when"), default: typeof config.when === "string" ? config.when : "", placeholder: "$.event.value < 0", help: gettext("A condition over $.event; empty takes every event.") },
    inputsField(config.inputs ?? {}),
  ],
};

const TITLES = { schedule: gettext("Schedule"), webhook: gettext("Webhook"), event: gettext("Event") };

function openDialog(kind, known) {
  const config = known?.config ?? {};
  const form = new FieldForm([{ name: "name", type: "text", label: gettext("Name"), maxLength: 120, default: known?.name ?? "" }, ...FIELDS[kind](config)]);
  const trouble = el("div", { class: "fw-notice fw-notice--error", role: "alert", hidden: true });
  const extra = el("div", { class: "fw-small fw-muted", "aria-live": "polite" });
  const go = el("button", { class: "fw-button fw-button--primary", type: "submit", text: known ? gettext("Save") : gettext("Create") });
  const body = el("form", { novalidate: true }, [
    el("div", { class: "fw-dialog__head" }, [el("h2", { class: "fw-dialog__title", id: "wf-trigger-title", text: TITLES[kind] })]),
    el("div", { class: "fw-dialog__body fw-stack" }, [form.element, extra, trouble]),
    el("div", { class: "fw-dialog__foot" }, [button(gettext("Cancel"), { small: false, onclick: () => dialog.close() }), go]),
  ]);
  const dialog = el("dialog", { class: "fw-dialog", "aria-labelledby": "wf-trigger-title" }, [body]);
  const read = () => {
    const values = form.read();
    if (!values) {
      return null;
    }
    const { name = "", ...own } = values;
    return { name, config: settings(config, own) };
  };
  body.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = read();
    if (!values) {
      return;
    }
    go.disabled = true;
    trouble.hidden = true;
    try {
      const answer = await act(known ? { act: "update", trigger: known.id, ...values } : { act: "create", kind, ...values }, { quiet: true });
      dialog.close();
      if (answer.secret) {
        await showSecret(answer);
      }
      location.reload();
    } catch (error) {
      go.disabled = false;
      const left = form.showErrors(error.errors ?? {});
      const sentences = Object.keys(error.errors ?? {}).length ? left : [error.message];
      trouble.textContent = sentences.join(" ");
      trouble.hidden = !sentences.length;
    }
  });
  if (kind === "schedule") {
    previewTimes(body, extra);
  } else if (kind === "event") {
    explainEvent(body, extra);
  }
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Settings that the dialog does not show are kept; empty ones are left out. */
function settings(config, own) {
  const merged = { ...config, ...own };
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined && value !== ""));
}

function previewTimes(body, place) {
  const [cron, zone] = [body.querySelector("[id$=-cron]"), body.querySelector("[id$=-timezone]")];
  let asked = 0;
  const show = async () => {
    const number = (asked += 1);
    try {
      const { times } = await act({ act: "preview", config: { cron: cron.value, timezone: zone.value } }, { quiet: true });
      if (number === asked) {
        const shown = times.map((time) => localTime(time, { dateStyle: "medium", timeStyle: "short", timeZone: zone.value }));
        place.textContent = interpolate(gettext("Next: %(times)s"), { times: shown.join(" · ") });
      }
    } catch (error) {
      if (number === asked) {
        place.textContent = error.message;
      }
    }
  };
  const soon = debounce(show, 300);
  cron.addEventListener("input", soon);
  zone.addEventListener("change", show);
  show();
}

function explainEvent(body, place) {
  const select = body.querySelector("[id$=-event]");
  const show = () => {
    place.textContent = interpolate(gettext("Knows: %(names)s"), { names: data.events[select.value].map((name) => `$.event.${name}`).join(", ") });
  };
  select.addEventListener("change", show);
  show();
}

/** The secret and how to sign with it; it is not shown a second time. */
function showSecret({ address, secret }) {
  const example = [
    `SECRET='${secret}'`,
    `BODY='{"order": 42}'`,
    "TIME=$(date +%s)",
    `SIGNATURE=$(printf '%s.%s' "$TIME" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/^.* //')`,
    `curl -X POST '${address}' \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -H "X-Flywheel-Timestamp: $TIME" \\`,
    `  -H "X-Flywheel-Signature: sha256=$SIGNATURE" \\`,
    `  -d "$BODY"`,
  ].join("\n");
  const dialog = el("dialog", { class: "fw-dialog fw-dialog--wide", "aria-labelledby": "wf-secret-title" }, [
    el("div", { class: "fw-dialog__head" }, [el("h2", { class: "fw-dialog__title", id: "wf-secret-title", text: gettext("Secret of the webhook") })]),
    el("div", { class: "fw-dialog__body fw-stack" }, [
      el("p", { text: gettext("Copy it now: it is not shown again. Whoever has it can start this workflow.") }),
      row("wf-secret", gettext("Secret"), secret),
      row("wf-address", gettext("Address"), address),
      el("div", { class: "fw-stack fw-stack--small" }, [
        el("div", { class: "fw-row fw-row--between" }, [el("span", { class: "fw-overline", text: gettext("A signed call") }), button(gettext("Copy"), { "data-copy": "#wf-example" })]),
        el("pre", { class: "fw-code", id: "wf-example", tabindex: "0", text: example }),
      ]),
    ]),
    el("div", { class: "fw-dialog__foot" }, [button(gettext("I have copied it"), { small: false, variant: "primary", onclick: () => dialog.close() })]),
  ]);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}

function row(id, label, value) {
  return el("div", { class: "fw-field" }, [
    el("label", { class: "fw-field__label", for: id, text: label }),
    el("div", { class: "fw-row fw-row--nowrap" }, [
      el("input", { class: "fw-input fw-mono", id, value, readonly: true }),
      button(gettext("Copy"), { "data-copy": `#${id}` }),
    ]),
  ]);
}

document.addEventListener("click", async (event) => {
  const fresh = event.target.closest("[data-new]");
  if (fresh) {
    openDialog(fresh.dataset.new, null);
    return;
  }
  const id = event.target.closest("[data-trigger]")?.dataset.trigger;
  const pressed = event.target.closest("button");
  if (!id || !pressed) {
    return;
  }
  const known = data.triggers[id];
  if ("edit" in pressed.dataset) {
    openDialog(known.kind, known);
  } else if ("switch" in pressed.dataset) {
    await act({ act: "switch", trigger: id, enabled: pressed.dataset.switch === "on" });
    location.reload();
  } else if ("renew" in pressed.dataset) {
    const sure = await confirm({ title: gettext("Make a new secret?"), body: gettext("Calls signed with the old one are refused from then on."), confirmLabel: gettext("Make a new one"), danger: true });
    if (sure) {
      await showSecret(await act({ act: "renew", trigger: id }));
    }
  } else if ("delete" in pressed.dataset) {
    const sure = await confirm({ title: gettext("Delete this trigger?"), body: gettext("Runs that it started stay."), danger: true });
    if (sure) {
      await act({ act: "delete", trigger: id });
      location.reload();
    }
  }
});
