// Click a heading to sort its table; a dash goes last, numbers sort by their value.
document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0];
  table.querySelectorAll("thead button").forEach((button, column) => {
    const heading = button.parentElement;
    const numeric = heading.classList.contains("number");
    button.addEventListener("click", () => {
      const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const key = (row) => row.cells[column].textContent.trim();
      const empty = (text) => (numeric ? Number.isNaN(parseFloat(text)) : text === "\u2013");
      const order = (a, b) => (numeric ? parseFloat(a) - parseFloat(b) : a.localeCompare(b));
      const rows = Array.from(body.rows).sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        return empty(x) - empty(y) || (empty(x) ? 0 : sign * order(x, y));
      });
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      body.append(...rows);
    });
  });
});
