// Translation functions of Django's JavaScript catalog. A page without the catalog gets the English text.

export const gettext = globalThis.gettext ?? ((text) => text);

export const ngettext = globalThis.ngettext ?? ((one, many, count) => (count === 1 ? one : many));

/** Fill %(name)s places: interpolate("Saved %(name)s", {name: "x"}). */
export function interpolate(template, values) {
  return template.replace(/%\((\w+)\)s/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** Language of the page, for Intl formatters. */
export function pageLanguage() {
  return document.documentElement.lang || navigator.language || "en";
}
