// fetch with the session's CSRF token. Errors arrive as problem JSON (RFC 9457) and become an ApiError and a toast.
import { gettext } from "./i18n.js";
import { toast } from "./toast.js";

/** A refused request: `status`, `code`, `title`, `detail` and per-field `errors` of the problem document, `problem`. */
export class ApiError extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || gettext("The request failed."));
    this.name = "ApiError";
    this.status = problem.status ?? 0;
    this.code = problem.code ?? "";
    this.title = problem.title ?? "";
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? {};
    this.problem = problem;
  }
}

/** The CSRF token: from a form on the page, else from the cookie. */
export function csrfToken() {
  const field = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (field?.value) {
    return field.value;
  }
  const cookie = document.cookie.split("; ").find((part) => part.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length)) : "";
}

async function readProblem(response) {
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("json")) {
    try {
      return { status: response.status, ...(await response.json()) };
    } catch {
      // A body cut off on the way is reported by its status alone.
    }
  }
  return { status: response.status, detail: statusText(response.status) };
}

function statusText(status) {
  if (status === 401 || status === 403) {
    return gettext("You may not do this. Your session may have ended: reload the page.");
  }
  if (status === 404) {
    return gettext("This was not found. It may have been deleted.");
  }
  if (status === 413) {
    return gettext("The upload is too large.");
  }
  if (status === 429) {
    return gettext("Too many requests. Wait a moment and try again.");
  }
  return gettext("The server could not answer. Try again.");
}

function requestOptions({ method, json, body, headers, signal }) {
  const verb = method ?? (json === undefined && body === undefined ? "GET" : "POST");
  const options = {
    method: verb,
    credentials: "same-origin",
    signal,
    headers: { Accept: "application/json", ...headers },
  };
  if (!["GET", "HEAD", "OPTIONS"].includes(verb)) {
    options.headers["X-CSRFToken"] = csrfToken();
  }
  if (json !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(json);
  } else if (body !== undefined) {
    options.body = body;
  }
  return options;
}

/** Like fetch, but throws ApiError on a refused or failed request. `quiet` keeps the toast away. */
export async function send(url, { quiet = false, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, requestOptions(options));
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    return fail({ status: 0, detail: gettext("The server cannot be reached.") }, quiet);
  }
  return response.ok ? response : fail(await readProblem(response), quiet);
}

function fail(problem, quiet) {
  const error = new ApiError(problem);
  if (!quiet) {
    toast(error.message, "error");
  }
  throw error;
}

/** Send a request and return its parsed JSON, or null when there is no body. */
export async function request(url, options = {}) {
  const response = await send(url, options);
  if (response.status === 204) {
    return null;
  }
  const type = response.headers.get("content-type") ?? "";
  return type.includes("json") ? response.json() : null;
}

export const get = (url, options = {}) => request(url, { ...options, method: "GET" });
export const post = (url, json = {}, options = {}) => request(url, { ...options, method: "POST", json });
export const patch = (url, json = {}, options = {}) => request(url, { ...options, method: "PATCH", json });
export const destroy = (url, options = {}) => request(url, { ...options, method: "DELETE" });
