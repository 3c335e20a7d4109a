// Decides how the reader goes to another branch of a session: by versions, or to a message that was found.

import { put } from "./api.js";

// Within so many messages of the end a message is looked for on the branch that is seen, before another is taken.
const NEAR = 100;

export class BranchWalk {
  constructor(sessionId, conversation, history) {
    Object.assign(this, { sessionId, conversation, history });
  }

  // Returns the version that now stands in the place of the message, or undefined.
  async turnTo(versionId) {
    await this.#see(versionId);
    await this.history.upTo(versionId);
    return this.conversation.find(versionId);
  }

  async goTo(messageId) {
    if (await this.history.upTo(messageId, { within: NEAR })) return this.conversation.find(messageId);
    return this.turnTo(messageId);
  }

  #see(messageId) {
    return put(`sessions/${this.sessionId}/branch`, { message_id: messageId });
  }
}
