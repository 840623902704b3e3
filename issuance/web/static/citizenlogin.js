"use strict";

// Has the Web eID extension sign a nonce with the card, and sends the token as the page's form.
// The extension is asked by a message to the window; it acknowledges at once, and answers when it is done.
const ACKNOWLEDGED_WITHIN_MS = 1000;
const SIGNED_WITHIN_MS = 120000;
const MEMBERS = ["format", "algorithm", "unverifiedCertificate", "signature", "appVersion"];

function signed(challengeNonce, lang) {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => end(reject, new Error("absent")), ACKNOWLEDGED_WITHIN_MS);
    function end(settle, value) {
      clearTimeout(timer);
      window.removeEventListener("message", hear);
      settle(value);
    }
    function hear(event) {
      if (event.source !== window || event.origin !== window.location.origin || !event.data) return;
      if (event.data.action === "web-eid:authenticate-ack") {
        clearTimeout(timer);
        timer = setTimeout(() => end(reject, new Error("timeout")), SIGNED_WITHIN_MS);
      } else if (event.data.action === "web-eid:authenticate-success") {
        end(resolve, event.data);
      } else if (event.data.action === "web-eid:authenticate-failure") {
        end(reject, new Error("failed"));
      }
    }
    window.addEventListener("message", hear);
    const asked = { action: "web-eid:authenticate", libraryVersion: "2.0.2", challengeNonce, lang };
    window.postMessage(asked, window.location.origin);
  });
}

async function logIn(form) {
  const given = await fetch(form.dataset.challenges, { method: "POST", credentials: "same-origin" });
  if (!given.ok) throw new Error("challenge");
  const answer = await signed((await given.json()).nonce, form.dataset.language);
  const token = Object.fromEntries(MEMBERS.filter((name) => answer[name] != null).map((name) => [name, answer[name]]));
  form.elements.token.value = JSON.stringify(token);
  form.submit();
}

const form = document.getElementById("card-login");
const button = form.querySelector("button");
button.addEventListener("click", async () => {
  const message = document.getElementById("card-message");
  button.disabled = true;
  message.textContent = form.dataset.working;
  try {
    await logIn(form);
  } catch (error) {
    message.textContent = error.message === "absent" ? form.dataset.absent : form.dataset.failed;
  } finally {
    button.disabled = false;
  }
});
