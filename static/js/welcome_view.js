// Decides what an empty conversation shows: roles to choose from, an opening line, questions to begin with.

import { byId, element } from "./dom.js";

export class WelcomeView {
  #root = byId("welcome");
  #roles = byId("roles");
  #line = byId("opening-line");
  #speaker = byId("opening-speaker");
  #suggestions = byId("suggestions");
  #offered = [];

  // onAsk(question) sends a suggested question; onRole(role) tells that another role was chosen.
  constructor({ onAsk, onRole }) {
    Object.assign(this, { onAsk, onRole });
    this.#roles.addEventListener("change", (event) => this.#chosen(Number(event.target.value)));
  }

  setRoles(roles) {
    this.#offered = roles;
    const options = byId("role-options");
    // One's own role that waits for its review, or was refused, cannot answer.
    const answering = roles.filter(({ review }) => review === undefined || review === "passed");
    options.replaceChildren(...answering.map((role) => roleOption(role)));
  }

  // Before a session exists its role can be chosen; an empty session has one already.
  show(role, { choosable }) {
    this.#root.hidden = false;
    this.#roles.hidden = !choosable;
    this.#introduce(role);
    const option = this.#roles.querySelector(`input[value="${role.id}"]`);
    if (option) option.checked = true;
  }

  hide() {
    this.#root.hidden = true;
  }

  #chosen(roleId) {
    const role = this.#offered.find((candidate) => candidate.id === roleId);
    this.#introduce(role);
    this.onRole(role);
  }

  // A session names its role only; one that is no longer offered has nothing more to say.
  #introduce({ id, name }) {
    const offered = this.#offered.find((role) => role.id === id);
    this.#speaker.textContent = name;
    this.#line.textContent = offered?.opening_line ?? "";
    const questions = (offered?.suggested_questions ?? []).map((question) => this.#suggestion(question));
    this.#suggestions.replaceChildren(...questions);
    this.#suggestions.hidden = questions.length === 0;
  }

  #suggestion(question) {
    const attributes = { type: "button", class: "suggestion", on: { click: () => this.onAsk(question) } };
    return element("li", {}, element("button", attributes, question));
  }
}

function roleOption(role) {
  return element(
    "label",
    { class: "role" },
    element("input", { type: "radio", name: "role", value: role.id, class: "visually-hidden" }),
    element("span", { class: "role-name" }, role.name),
    element("span", { class: "role-description" }, role.description),
  );
}
