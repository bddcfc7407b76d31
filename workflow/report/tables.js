// Tables: click a heading to sort, type to search, choose a value to filter. Without this script they are static.
const FEW = 6; // tables with up to this many rows get no search
const CHOICES = 30; // columns with more values than this get no list

document.querySelectorAll("table.sortable").forEach((table) => {
  sortable(table);
  const bar = element("div", { className: "filter", role: "group" });
  bar.setAttribute("aria-label", `Filter: ${table.caption.textContent.trim()}`);
  if (table.tBodies[0].rows.length > FEW) filterable(table, bar);
  if (table.querySelector(".detail")) shortenable(table, bar);
  if (bar.children.length) table.parentElement.before(bar);
});

// A wide table shows its main columns, and all of them on demand.
function shortenable(table, bar) {
  const button = element("button", { type: "button", textContent: `All ${table.rows[0].cells.length} columns` });
  const show = (all) => {
    table.classList.toggle("short", !all);
    button.setAttribute("aria-pressed", String(all));
  };
  button.addEventListener("click", () => show(table.classList.contains("short")));
  bar.append(button);
  show(false);
}

// An unfinished report loads itself again, unless its reader is busy in it.
const waiting = document.querySelector("[data-reload]");
if (waiting) {
  const busy = () => document.activeElement !== document.body || scrollY > 0;
  setInterval(() => busy() || location.reload(), 1000 * Number(waiting.dataset.reload));
}

// A link to a place inside closed details opens them.
function open() {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (place?.tagName === "DETAILS") place.open = true;
}
addEventListener("hashchange", open);
open();

function text(row, column) {
  return row.cells[column].textContent.trim();
}

// Dashes are sorted last, numbers by value; hidden rows are sorted too.
function sortable(table) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead button").forEach((button, column) => {
    const heading = button.parentElement;
    const numeric = heading.classList.contains("number");
    button.addEventListener("click", () => {
      const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const empty = (cell) => (numeric ? Number.isNaN(number(cell)) : cell === "\u2013");
      const order = (a, b) => (numeric ? number(a) - number(b) : a.localeCompare(b));
      const rows = Array.from(body.rows).sort((a, b) => {
        const [x, y] = [text(a, column), text(b, column)];
        return empty(x) - empty(y) || (empty(x) ? 0 : sign * order(x, y));
      });
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      body.append(...rows);
    });
  });
}

function number(cell) {
  return parseFloat(cell.replaceAll(",", ""));
}

// A row is shown if it contains every word of the search and matches every list.
function filterable(table, bar) {
  const rows = Array.from(table.tBodies[0].rows);
  const search = element("input", { type: "search", placeholder: "Search" });
  search.setAttribute("aria-label", "Search in the rows of this table");
  const lists = Array.from(table.querySelectorAll("th[data-filter]"), (heading) => list(heading, rows)).filter(Boolean);
  const count = element("output");
  bar.append(search, ...lists.map(({ select }) => select), count);
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row) => {
      const line = row.textContent.toLowerCase();
      const chosen = lists.every(({ select, column }) => !select.value || text(row, column) === select.value);
      row.hidden = !(chosen && words.every((word) => line.includes(word)));
      shown += !row.hidden;
    });
    count.textContent = `${shown} of ${rows.length} rows`;
  };
  bar.addEventListener("input", update);
  update();
}

function list(heading, rows) {
  const column = heading.cellIndex;
  const values = [...new Set(rows.map((row) => text(row, column)))].sort((a, b) => a.localeCompare(b));
  if (values.length < 2 || values.length > CHOICES) return null;
  const name = heading.textContent.trim();
  const select = element("select");
  select.setAttribute("aria-label", name);
  select.append(new Option(`${name}: all`, ""), ...values.map((value) => new Option(value, value)));
  return { select, column };
}

function element(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}
