// Times in forms: addresses have them in UTC, the fields show and take them in the reader's time zone.
const ZONED = /(?:Z|[+-]\d\d:?\d\d)$/;

/** UTC as a field or an address writes it, without seconds where there are none. */
function written(moment) {
  return moment.toISOString().slice(0, 19).replace(/:00$/, "");
}

/** The same clock time as UTC: what a field shows of a moment. */
function shifted(moment) {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
}

/** Show the times of a form as local ones, and send them as UTC. */
export function localTimes(form) {
  const fields = [...form.querySelectorAll("input[type=datetime-local]")];
  for (const field of fields) {
    const value = field.getAttribute("value") ?? "";
    const moment = new Date(ZONED.test(value) ? value : `${value}Z`);
    if (!Number.isNaN(moment.getTime())) {
      field.value = written(shifted(moment));
    }
  }
  form.addEventListener("formdata", ({ formData }) => {
    for (const field of fields) {
      if (formData.get(field.name)) {
        formData.set(field.name, written(new Date(field.value)));
      }
    }
  });
}
