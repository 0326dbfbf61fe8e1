// A page that a server gives out follows what it shows: it asks for news, and renews its main part.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  let version = null;

  function say(text) {
    if (byId("live")) byId("live").textContent = text;
  }

  async function renew() {
    const answer = await fetch(location.pathname);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.dispatchEvent(new Event("dse:leaving"));
    for (const part of ["#report-data", "main"]) {
      const [old, fresh] = [document.querySelector(part), page.querySelector(part)];
      if (old && fresh) old.replaceWith(document.importNode(fresh, true));
      else if (fresh) document.body.append(document.importNode(fresh, true));
    }
    document.title = page.title;
    document.dispatchEvent(new Event("dse:renewed"));
  }

  async function follow(address) {
    let text = "the server does not answer any more";
    try {
      const answer = await fetch(address);
      if (answer.ok) {
        const news = await answer.json();
        text = news.text;
        if (version !== null && news.version !== version) await renew();
        version = news.version;
      }
    } catch (error) {
      // said below
    }
    say(text);
    setTimeout(() => follow(address), 2000);
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (document.body.dataset.status) follow(document.body.dataset.status);
  });
})();
