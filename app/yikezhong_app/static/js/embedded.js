// What a single file brings along instead of a service: its view, and the answers to all
// that the page asks for it. Null on a page of the service.

const element = document.getElementById("embedded");

/** `{view, layers, answers}`, or null. */
export const embedded = element ? JSON.parse(element.textContent) : null;

/** The query that the page begins with. */
export const firstQuery = () => embedded?.view ?? window.location.search;

/** The embedded answer to a request, or undefined. */
export function embeddedAnswer(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value != null && value !== "");
  const words = given.map(([name, value]) => `${name}=${value}`).sort();
  return embedded.answers[[path, ...words].join(" ")];
}
