// Decides the text of a streaming reply: deltas in the order of seq, duplicates ignored, what comes early waits.

export class Assembly {
  #early = new Map();
  #requestedAfter = -1;
  text = "";
  lastSeq = 0;

  // Returns "appended", "duplicate", or "gap" when an earlier delta is missing.
  add(seq, piece) {
    if (seq <= this.lastSeq || this.#early.has(seq)) return "duplicate";
    this.#early.set(seq, piece);
    if (seq !== this.lastSeq + 1) return "gap";
    while (this.#early.has(this.lastSeq + 1)) {
      this.lastSeq += 1;
      this.text += this.#early.get(this.lastSeq);
      this.#early.delete(this.lastSeq);
    }
    return "appended";
  }

  // True once for each gap, so that a burst of early deltas asks the server only once for what is missing.
  needsResume() {
    if (this.#early.size === 0 || this.#requestedAfter === this.lastSeq) return false;
    this.#requestedAfter = this.lastSeq;
    return true;
  }

  // A new connection has asked anew: an answer to an earlier request may be lost.
  forgetRequest() {
    this.#requestedAfter = -1;
  }
}
