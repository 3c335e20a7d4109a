// Decides what the page of roles does: it shows them, begins a conversation with one, keeps the reader's own.

import { get, getOpenly, patch, post, remove } from "./api.js";
import { arrange, byId } from "./dom.js";
import { ApiError } from "./errors.js";
import { LoadFailure } from "./load_failure.js";
import { addressOfSession } from "./navigation.js";
import { announce, notify, reportFailure } from "./notices.js";
import { RoleCard } from "./roles_card.js";
import { RoleForm } from "./roles_form.js";
import { isSignedIn } from "./tokens.js";

const SAVED = {
  passed: "已保存，可以与它交谈了",
  pending: "已保存，通过审核后就能使用",
  refused: "已保存，但它仍未通过审核",
};

class RolesPage {
  #own = byId("own-list");
  #opener = null;
  #form = new RoleForm({ onSave: (id, said) => this.#save(id, said), onClose: () => this.#closed() });
  #failure = new LoadFailure();

  async start() {
    byId("new-role").addEventListener("click", ({ currentTarget }) => this.#edit(null, currentTarget));
    await this.#load();
  }

  async #load() {
    byId("roles-skeleton").hidden = false;
    this.#failure.hide();
    try {
      // What is open to everyone goes without a token, unless there is somebody whose own roles are to be shown.
      const read = isSignedIn() ? get : getOpenly;
      const [roles, prices] = await Promise.all([read("roles"), getOpenly("prices")]);
      this.#form.offerModels(prices.results.map((price) => price.model));
      this.#show(roles.results);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#failure.show(error.message, () => this.#load());
    } finally {
      byId("roles-skeleton").hidden = true;
    }
    await this.#tryAsked();
  }

  #show(roles) {
    const offered = roles.filter((role) => !role.is_own).map((role) => this.#card(role).root);
    arrange(byId("offered-list"), offered);
    arrange(this.#own, roles.filter((role) => role.is_own).map((role) => this.#card(role).root));
    byId("offered-roles").hidden = false;
    byId("own-roles").hidden = !isSignedIn();
    byId("roles-signed-out").hidden = isSignedIn();
    this.#showWhetherEmpty();
  }

  #card(role) {
    return new RoleCard(role, {
      onStart: () => this.#begin(role.id),
      onEdit: (opener) => this.#edit(role, opener),
      onDelete: () => this.#delete(role).catch(reportFailure),
    });
  }

  #showWhetherEmpty() {
    byId("own-empty").hidden = this.#own.children.length > 0 || this.#form.isOpen;
  }

  // `/roles?try=7` begins a conversation at once; going back to this page must not begin another.
  async #tryAsked() {
    const asked = new URLSearchParams(location.search).get("try");
    if (!asked || !isSignedIn()) return;
    history.replaceState(null, "", location.pathname);
    await this.#begin(Number(asked));
  }

  async #begin(roleId) {
    if (!isSignedIn()) return location.assign(loginToTry(roleId));
    try {
      const session = await post("sessions", { role_id: roleId });
      location.assign(addressOfSession(session.id));
    } catch (error) {
      reportFailure(error);
    }
  }

  #edit(role, opener) {
    this.#opener = opener;
    this.#form.open(role);
    this.#showWhetherEmpty();
  }

  // The card may have been drawn anew meanwhile.
  #closed() {
    this.#showWhetherEmpty();
    const opener = this.#opener?.isConnected ? this.#opener : byId("new-role");
    this.#opener = null;
    opener.focus();
  }

  async #save(id, said) {
    const saved = id === null ? await post("roles", said) : await patch(`roles/${id}`, said);
    const card = this.#card(saved).root;
    const earlier = this.#own.querySelector(`[data-role="${saved.id}"]`);
    if (earlier) earlier.replaceWith(card);
    else this.#own.append(card);
    this.#opener = card.querySelector("button");
    notify(SAVED[saved.review]);
  }

  async #delete(role) {
    await remove(`roles/${role.id}`);
    const card = this.#own.querySelector(`[data-role="${role.id}"]`);
    const neighbour = card.nextElementSibling ?? card.previousElementSibling;
    card.remove();
    if (this.#form.isOpenFor(role.id)) this.#form.close();
    this.#showWhetherEmpty();
    (neighbour?.querySelector("button") ?? byId("own-title")).focus();
    announce(`已删除角色${role.name}`);
  }
}

const loginToTry = (roleId) => `/login?next=${encodeURIComponent(`/roles?try=${roleId}`)}`;

new RolesPage()
  .start()
  .catch(reportFailure)
  .finally(() => {
    document.body.dataset.ready = "true";
  });
