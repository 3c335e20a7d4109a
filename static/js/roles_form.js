// Decides how a role of one's own is written: one form for a new one and a known one, each refusal at its field.

import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { reportFailure } from "./notices.js";

const NEW = {
  name: "",
  description: "",
  system_prompt: "",
  opening_line: "",
  suggested_questions: [],
  scope_works: [],
  scope_categories: [],
  model: "",
  memory_turns: 6,
  temperature: 0.6,
  is_persona: false,
};

export class RoleForm {
  #form = byId("role-form");
  #title = byId("role-form-title");
  #error = byId("role-form-error");
  #save = byId("role-save");
  #id = null;

  // onSave(id, said) answers with a promise, id null for a new role; onClose() is told when the form goes.
  constructor({ onSave, onClose }) {
    Object.assign(this, { onSave, onClose });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#attempt().catch(reportFailure);
    });
    this.#form.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && this.close());
    byId("role-cancel").addEventListener("click", () => this.close());
    this.#field("temperature").addEventListener("input", () => this.#showTemperature());
  }

  offerModels(models) {
    const options = models.map((model) => element("option", { value: model }, model));
    this.#field("model").replaceChildren(element("option", { value: "" }, "默认模型"), ...options);
  }

  get isOpen() {
    return !this.#form.hidden;
  }

  isOpenFor(id) {
    return this.isOpen && this.#id === id;
  }

  open(role) {
    this.#id = role?.id ?? null;
    this.#title.textContent = role ? `修改「${role.name}」` : "自建角色";
    this.#clearErrors();
    this.#fill({ ...NEW, ...role });
    this.#form.hidden = false;
    this.#title.scrollIntoView({ block: "start" });
    this.#title.focus({ preventScroll: true });
  }

  close() {
    if (!this.isOpen) return;
    this.#form.hidden = true;
    this.onClose();
  }

  #fill(role) {
    for (const name of ["name", "description", "system_prompt", "opening_line", "memory_turns", "temperature"]) {
      this.#field(name).value = role[name];
    }
    this.#field("suggested_questions").value = role.suggested_questions.join("\n");
    this.#field("scope_works").value = role.scope_works.join("、");
    this.#keepModel(role.model);
    this.#field("is_persona").checked = role.is_persona;
    for (const box of this.#categories()) box.checked = role.scope_categories.includes(box.value);
    this.#showTemperature();
  }

  // A model that has left the price list is still what the role has.
  #keepModel(model) {
    const select = this.#field("model");
    if (![...select.options].some((option) => option.value === model)) {
      select.append(element("option", { value: model }, `${model}（已不提供）`));
    }
    select.value = model;
  }

  #said() {
    const value = (name) => this.#field(name).value;
    const numbers = value("memory_turns") === "" ? {} : { memory_turns: Number(value("memory_turns")) };
    return {
      name: value("name"),
      description: value("description"),
      system_prompt: value("system_prompt"),
      opening_line: value("opening_line"),
      suggested_questions: parts(value("suggested_questions"), "\n"),
      scope_works: parts(value("scope_works"), /[、，,；;\n《》]/),
      scope_categories: this.#categories().flatMap((box) => (box.checked ? [box.value] : [])),
      model: value("model"),
      temperature: Number(value("temperature")),
      is_persona: this.#field("is_persona").checked,
      ...numbers,
    };
  }

  async #attempt() {
    this.#clearErrors();
    this.#save.disabled = true;
    try {
      await this.onSave(this.#id, this.#said());
      this.close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#show(error);
    } finally {
      this.#save.disabled = false;
    }
  }

  // A refusal of one entry of a list (`suggested_questions.2`) stands at the list.
  #show(error) {
    const refused = Object.entries(error.fields).map(([path, reasons]) => [path.split(".")[0], reasons.join("")]);
    let first = null;
    for (const [name, reason] of refused) {
      const place = byId(`role-${name}-error`);
      if (!place) continue;
      place.textContent = reason;
      const field = this.#fieldsNamed(name)[0];
      field.setAttribute("aria-invalid", "true");
      first ??= field;
    }
    if (first) return first.focus();
    this.#error.textContent = error.message;
    this.#error.hidden = false;
  }

  #clearErrors() {
    this.#error.hidden = true;
    for (const place of this.#form.querySelectorAll(".field-error")) place.textContent = "";
    for (const field of this.#form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  }

  #showTemperature() {
    byId("role-temperature-value").textContent = this.#field("temperature").value;
  }

  #field(name) {
    return byId(`role-${name}`);
  }

  #fieldsNamed(name) {
    return [...this.#form.querySelectorAll(`[name="${name}"]`)];
  }

  #categories() {
    return this.#fieldsNamed("scope_categories");
  }
}

const parts = (text, divider) =>
  text
    .split(divider)
    .map((part) => part.trim())
    .filter((part) => part !== "");
