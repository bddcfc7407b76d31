// Takes files that are dropped or chosen, sends them, shows how far that is, and goes to the result.
const form = document.querySelector("form.upload");
const zone = form.querySelector(".drop");
const inputs = [...form.querySelectorAll("[type=file]")];
const [bar, stop, said, chosen] = ["progress", "#stop", "#said", "#chosen"].map((name) => form.querySelector(name));
let files = []; // pairs of a file and its path, whose folders may name the series

function choose(found) {
  files = found;
  const bytes = files.reduce((sum, [file]) => sum + file.size, 0);
  const names = files.length === 1 ? files[0][1] : `${files.length} files`;
  chosen.textContent = files.length ? `${names}, ${(bytes / 1e6).toFixed(1)} MB` : "Nothing is chosen.";
}

async function walk(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [[file, entry.fullPath.slice(1)]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const each of some) found.push(...(await walk(each)));
  }
}

for (const input of inputs) {
  input.addEventListener("change", () => {
    for (const other of inputs) if (other !== input) other.value = "";
    choose([...input.files].map((file) => [file, file.webkitRelativePath || file.name]));
  });
}
// The whole window takes the drop: beside the zone the browser would leave the page and open the file.
addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
addEventListener("drop", async (event) => {
  event.preventDefault();
  zone.classList.remove("over");
  for (const input of inputs) input.value = "";
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry()); // folders, too; none for a file of no disk
  const found = items.map((item, place) => entries[place] ?? item.getAsFile());
  choose((await Promise.all(found.map((each) => (each instanceof File ? [[each, each.name]] : walk(each))))).flat());
});

function busy(is) {
  bar.hidden = stop.hidden = !is;
  form.querySelector("button:not([type])").disabled = is;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  said.textContent = "";
  said.className = "";
  const end = (words) => { busy(false); said.textContent = words; said.className = "problem"; };
  if (!files.length) return end("Choose a zip or files first.");
  const body = new FormData(form);
  body.delete("files");
  for (const [file, path] of files) body.append("files", file, path);
  const request = new XMLHttpRequest();
  request.open("POST", "/predict");
  request.setRequestHeader("X-CSRF-Token", form.dataset.csrf);
  request.responseType = "json";
  request.upload.onprogress = (sent) => { bar.max = sent.total; bar.value = sent.loaded; };
  request.onload = () => {
    const answer = request.response ?? {};
    if (request.status === 202) location.assign(`/view/${answer.id}`);
    else end(answer.error ?? "The upload was not taken: try again.");
  };
  request.onerror = () => end("The connection ended: the upload was refused or lost.");
  request.onabort = () => end("The upload was cancelled; nothing of it is kept.");
  stop.onclick = () => request.abort();
  busy(true);
  request.send(body);
});
