// Decides what a failure looks like to the pages: a code, a Chinese sentence, the refused fields.

export class ApiError extends Error {
  constructor({ code, message, fields = {}, retryable = false }, { status = 0, retryAfterSeconds = null } = {}) {
    super(message);
    Object.assign(this, { code, fields, retryable, status, retryAfterSeconds });
  }
}

// The reader has no valid session any more; every page answers it with the way to /login.
export class SignedOut extends Error {
  constructor() {
    super("登录已失效，请重新登录。");
  }
}
