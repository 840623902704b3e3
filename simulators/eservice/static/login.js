"use strict";

// Asks the Web eID browser extension for a token: a message to the window, an acknowledgement, an answer.
const ACKNOWLEDGEMENT_MS = 1000;
const USER_MS = 120000;

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
          timer = setTimeout(() => finish(reject, new Error("timeout")), USER_MS);
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
    window.postMessage({
      action: "web-eid:authenticate",
      libraryVersion: "2.0.2",
      challengeNonce,
      lang,
    }, window.location.origin);
  });
}

function post(path, body) {
  return fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    credentials: "same-origin",
  });
}

function tokenOf(answer) {
  const { unverifiedCertificate, algorithm, signature, format, appVersion } = answer;
  return { unverifiedCertificate, algorithm, signature, format, appVersion };
}

async function logIn(button) {
  const language = button.dataset.language;
  show(button.dataset.working);
  const challenge = await post("/auth/challenge", {});
  if (!challenge.ok) throw new Error("challenge");
  const { nonce } = await challenge.json();
  const response = await post("/auth/login", { "auth-token": tokenOf(await authenticate(nonce, language)) });
  const result = await response.json();
  if (response.ok) {
    window.location.assign("/account?lang=" + language);
    return;
  }
  const receipt = result.receipt;
  show(receipt ? receipt.title[language] : button.dataset.failed,
    receipt ? receipt.advice[language] : result.title, receipt ? receipt.code : "");
}

function show(message, advice = "", code = "") {
  document.getElementById("message").textContent = message;
  document.getElementById("advice").textContent = advice;
  const receipt = document.getElementById("receipt");
  receipt.hidden = !code;
  receipt.querySelector("bdi").textContent = code;
}

const button = document.getElementById("log-in");
button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    await logIn(button);
  } catch (error) {
    show(error.message === "absent" ? button.dataset.absent : button.dataset.failed);
  } finally {
    button.disabled = false;
  }
});
