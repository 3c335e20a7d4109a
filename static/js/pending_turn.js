// Decides what a turn is that the server has not accepted yet: the frame that asks for it, and what is shown meanwhile.

// `origin` is the message whose place it takes, if it takes one: what follows that is of another branch.
export function question({ id, text, roleName, edited = null }) {
  const data = { message: text, client_message_id: id };
  if (edited) data.edit_of = edited.id;
  return {
    id,
    request: { type: "user_message", data },
    question: asked(id, text),
    reply: awaited(id, { role_name: roleName, reply_to: id }),
    origin: edited,
  };
}

export const regeneration = (reply, id) => anotherReply("regenerate", reply, id);

export const continuation = (reply, id) => anotherReply("continue", reply, id);

function anotherReply(type, reply, id) {
  return {
    id,
    request: { type, data: { message_id: reply.id, client_message_id: id } },
    question: null,
    reply: awaited(id, { role_name: reply.role_name, reply_to: reply.reply_to }),
    origin: reply,
  };
}

function asked(id, text) {
  return {
    key: id,
    id: null,
    author: "reader",
    status: "completed",
    text,
    client_message_id: id,
    delivery: "sending",
    created_at: new Date().toISOString(),
  };
}

function awaited(id, facts) {
  return {
    key: `reply:${id}`,
    id: null,
    author: "assistant",
    status: "streaming",
    text: "",
    html: "",
    reasoning: "",
    sources: [],
    quotes: [],
    error: null,
    created_at: new Date().toISOString(),
    ...facts,
  };
}
