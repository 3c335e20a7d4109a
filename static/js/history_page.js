// Decides what the page of one's conversations shows: all of them by day, a search in them, and files to take away.

import { ApiError } from "./errors.js";
import { byId } from "./dom.js";
import { ExportDialog } from "./history_export_dialog.js";
import { ExportList } from "./history_exports.js";
import { HistoryList } from "./history_list.js";
import { HistorySearch } from "./history_search.js";
import { LoadFailure } from "./load_failure.js";
import { reportFailure } from "./notices.js";
import { isSignedIn } from "./tokens.js";

class HistoryPage {
  exports = new ExportList();
  list = new HistoryList({ onChoice: (chosen) => this.#showChosen(chosen) });
  dialog = new ExportDialog({ onAsked: (asked) => this.#asked(asked) });
  failure = new LoadFailure();

  async start() {
    byId("history-content").hidden = false;
    byId("export-all").addEventListener("click", () => this.dialog.open({ all: true }));
    byId("export-chosen").addEventListener("click", () => this.dialog.open({ session_ids: this.list.chosen }));
    byId("choose-none").addEventListener("click", () => this.#chooseNone());
    await this.#load();
  }

  async #load() {
    byId("history-skeleton").hidden = false;
    this.failure.hide();
    try {
      await Promise.all([this.list.load(), this.exports.load()]);
      new HistorySearch().start();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failure.show(error.message, () => this.#load());
    } finally {
      byId("history-skeleton").hidden = true;
    }
    byId("export-all").hidden = !this.list.hasMessages;
  }

  #showChosen(chosen) {
    byId("chosen-bar").hidden = chosen.length === 0;
    byId("chosen-count").textContent = chosen.length === 0 ? "" : `已选 ${chosen.length} 个对话`;
  }

  // The bar goes away with the choice; the focus goes back to where the choice was made.
  #chooseNone() {
    this.list.chooseNone();
    byId("choose-all").focus();
  }

  #asked(asked) {
    this.list.chooseNone();
    this.exports.add(asked);
  }
}

if (isSignedIn()) {
  new HistoryPage()
    .start()
    .catch(reportFailure)
    .finally(() => {
      document.body.dataset.ready = "true";
    });
} else byId("history-signed-out").hidden = false;
