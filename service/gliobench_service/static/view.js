// Asks how far a waiting or running job is, and loads the page again when it has ended; cancels and deletes.
const { job, state, csrf } = document.querySelector("#result").dataset;
const trouble = document.querySelector("#trouble");
const going = ["waiting", "running"];
let called = false; // by a button, whose answer leads to another page: the job's end must not load this one again

function tell(words) {
  trouble.hidden = !words;
  trouble.textContent = words;
}

async function ask() {
  try {
    const reply = await fetch(`/results/${job}`);
    const answer = await reply.json();
    if (called) return;
    if (!reply.ok || !going.includes(answer.state)) return location.reload();
    const before = answer.waiting_before ? `, after ${answer.waiting_before} other${answer.waiting_before > 1 ? "s" : ""}` : "";
    document.querySelector("#stage").textContent = answer.stage + before;
    document.querySelector("progress").value = answer.progress;
    tell("");
  } catch {
    tell("The service cannot be reached; the job is not lost, and this page asks again.");
  }
  setTimeout(ask, 1000);
}
if (going.includes(state)) ask();

for (const button of document.querySelectorAll("button[data-call]")) {
  button.addEventListener("click", async () => {
    button.disabled = called = true;
    try {
      const reply = await fetch(button.dataset.call, { method: button.dataset.method, headers: { "X-CSRF-Token": csrf } });
      if (reply.ok) return location.assign("/history");
      tell((await reply.json()).error);
    } catch {
      tell("The service cannot be reached: try again.");
    }
    button.disabled = called = false;
    if (going.includes(state)) ask();
  });
}
