// Decides how a reader registers: an address proved by a code, a password, a name if they like.

import { AccountForm } from "./account_form.js";
import { postAnonymously } from "./api.js";
import { byId } from "./dom.js";
import { EmailCode } from "./email_code.js";
import { destination, passDestinationOn } from "./navigation.js";
import { isSignedIn, keepTokens } from "./tokens.js";

const form = new AccountForm({
  send: () =>
    postAnonymously("auth/register", {
      email: byId("email").value.trim(),
      code: byId("code").value.trim(),
      password: byId("password").value,
      nickname: byId("nickname").value.trim(),
    }),
  onDone: (pair) => {
    keepTokens(pair);
    location.replace(destination());
  },
});

if (isSignedIn()) location.replace(destination());
passDestinationOn(byId("login-link"));
new EmailCode("register", form);
