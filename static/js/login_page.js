// Decides how a reader logs in: by password or by e-mail code, and where they land afterwards.

import { AccountForm } from "./account_form.js";
import { postAnonymously } from "./api.js";
import { byId } from "./dom.js";
import { EmailCode } from "./email_code.js";
import { destination, passDestinationOn } from "./navigation.js";
import { isSignedIn, keepTokens } from "./tokens.js";

const TABS = ["password", "code"];
const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };
let method = "password";

function choose(chosen) {
  method = chosen;
  for (const name of TABS) {
    const tab = byId(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === chosen));
    tab.tabIndex = name === chosen ? 0 : -1;
    byId(`panel-${name}`).hidden = name !== chosen;
    byId(name).required = name === chosen;
  }
  form.clearErrors();
}

function moveBetweenTabs(event) {
  const step = ARROWS[event.key];
  if (!step) return;
  event.preventDefault();
  const index = (TABS.indexOf(method) + step + TABS.length) % TABS.length;
  choose(TABS[index]);
  byId(`tab-${TABS[index]}`).focus();
}

const form = new AccountForm({
  send: () =>
    postAnonymously("auth/email-login", { email: byId("email").value.trim(), [method]: byId(method).value }),
  onDone: (pair) => {
    keepTokens(pair);
    location.replace(destination());
  },
});

if (isSignedIn()) location.replace(destination());
passDestinationOn(byId("register-link"));
new EmailCode("login", form);
for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => choose(name));
byId("login-tabs").addEventListener("keydown", moveBetweenTabs);
choose(method);
