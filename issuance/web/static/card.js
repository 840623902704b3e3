"use strict";

// Asks the Web eID browser extension for a token, puts it into the form that the button names, and sends that.
const ACKNOWLEDGEMENT_MS = 1000;
const USER_MS = 120000;
const MEMBERS = [
  "format", "algorithm", "unverifiedCertificate", "signature", "appVersion",
  "unverifiedIntermediateCertificates", "unverifiedSigningCertificates",
];

function authenticate(challengeNonce, lang) {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => finish(reject, new Error("absent")), ACKNOWLEDGEMENT_MS);
    function finish(settle, value) {
      clearTimeout(timer);
      window.removeEventListener("message", receive);
      settle(value);
    }
    function receive(event) {
      if (event.source !== window || event.origin !== window.location.origin) return;
      switch (event.data && event.data.action) {
        case "web-eid:authenticate-ack":
          clearTimeout(timer);
          timer = setTimeout(() => finish(reject, new Error("failed")), USER_MS);
          break;
        case "web-eid:authenticate-success":
          finish(resolve, event.data);
          break;
        case "web-eid:authenticate-failure":
          finish(reject, new Error("failed"));
          break;
      }
    }
    window.addEventListener("message", receive);
    window.postMessage(
      { action: "web-eid:authenticate", libraryVersion: "2.0.2", challengeNonce, lang },
      window.location.origin,
    );
  });
}

function tokenOf(answer) {
  const known = MEMBERS.filter((name) => answer[name] !== undefined && answer[name] !== null);
  return Object.fromEntries(known.map((name) => [name, answer[name]]));
}

async function useCard(button) {
  const challenge = await fetch(button.dataset.challenge, { method: "POST", credentials: "same-origin" });
  if (!challenge.ok) throw new Error("failed");
  const { nonce } = await challenge.json();
  const token = tokenOf(await authenticate(nonce, document.documentElement.lang));
  document.getElementById("card-token").value = JSON.stringify(token);
  document.getElementById(button.dataset.form).submit();
}

const button = document.getElementById("use-card");
button.addEventListener("click", async () => {
  const message = document.getElementById("card-message");
  button.disabled = true;
  message.textContent = button.dataset.working;
  try {
    await useCard(button);
  } catch (error) {
    const absent = window.isSecureContext && location.protocol === "https:" ? button.dataset.absent : button.dataset.insecure;
    message.textContent = error.message === "absent" ? absent : button.dataset.failed;
    button.disabled = false;
  }
});
