"use strict";
// Follows the state of the offer that this page shows. All words are the server's.
const from = document.getElementById("follow").dataset.from;
const FIRST = 1000, LONGEST = 10000, STEPS = 1.25;
let wait = FIRST, timer = 0, last = "";

function show(id, text) {
  const element = document.getElementById(id);
  if (element && element.textContent !== text) element.textContent = text;
}

function showOffer(told) {
  show("state", told.text);
  show("ends", told.ends);
  for (const step of told.steps) {
    const item = document.getElementById(`step-${step.name}`);
    item.dataset.status = step.status;
    item.toggleAttribute("aria-current", false);
    if (step.status === "now") item.setAttribute("aria-current", "step");
    show(`step-${step.name}-status`, step.says);
  }
  told.credentials.forEach((credential, i) => show(`credential-${i}`, credential.text));
  const take = document.getElementById("take");
  if (!told.open && !take.hidden) {
    if (take.contains(document.activeElement)) document.getElementById("heading-state").focus();
    take.hidden = true;
  }
}

async function follow() {
  let ended = false;
  try {
    const answer = await fetch(from, { headers: { accept: "application/json" }, cache: "no-store", redirect: "error" });
    if (answer.status === 404) {
      show("state", "This offer is followed no longer.");
      ended = true;
    } else if (answer.ok) {
      const text = await answer.text();
      const told = JSON.parse(text);
      wait = text === last ? Math.min(wait * STEPS, LONGEST) : FIRST;
      last = text;
      showOffer(told);
      ended = told.ended;
    } else {
      wait = Math.min(wait * 2, LONGEST);
    }
  } catch {
    wait = Math.min(wait * 2, LONGEST);
  }
  // Who does not see the page does not ask.
  timer = ended || document.hidden ? 0 : setTimeout(follow, wait);
  if (ended) document.removeEventListener("visibilitychange", seen);
}

function seen() {
  if (document.hidden || timer) return;
  wait = FIRST;
  timer = setTimeout(follow, 0);
}

document.addEventListener("visibilitychange", seen);
timer = setTimeout(follow, FIRST);

const copy = document.getElementById("copy");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const field = document.getElementById("offer_uri");
    try {
      await navigator.clipboard.writeText(field.value);
      show("copied", "Copied.");
    } catch {
      field.select();
      show("copied", "Marked: copy it with your keyboard.");
    }
  });
}
