// Interactive figures: the chosen methods and the threshold are parameters of every Vega-Lite specification.
(() => {
  const { figures, lines, methods, thresholds } = JSON.parse(document.getElementById("explored").textContent);
  const controls = document.getElementById("controls");
  const slider = document.getElementById("threshold");
  const rows = document.querySelector("#at-threshold tbody");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let views = [];

  const threshold = () => Number(slider.value);
  const chosen = () => Array.from(controls.querySelectorAll("input:checked"), (box) => Number(box.value));

  function tabulate() {
    const place = Math.round(threshold() * 100) - 1;
    slider.nextElementSibling.value = threshold().toFixed(2);
    rows.replaceChildren(...chosen().map((method) => row(method, thresholds[method][place])));
  }

  function row(method, values) {
    const line = document.createElement("tr");
    const name = Object.assign(document.createElement("th"), { scope: "row", textContent: methods[method] });
    line.append(name, ...(values ?? []).map(cell));
    return line;
  }

  // The first four are numbers of patients.
  function cell(value, column) {
    const text = value === null ? "\u2013" : value.toFixed(column < 4 ? 1 : 2).replace(/\.0$/, "");
    return Object.assign(document.createElement("td"), { className: "number", textContent: text });
  }

  function update() {
    tabulate();
    const names = chosen().map((method) => methods[method]);
    views.forEach(({ name, view }) => {
      if (name in lines) view.height(lines[name] * Math.max(names.length, 1));
      view.signal("shown", names).signal("threshold", threshold()).runAsync();
    });
  }

  // Colours of text and lines are those of the page, in light and in dark.
  function theme() {
    const style = getComputedStyle(document.documentElement);
    const [ink, soft, line] = ["--ink", "--soft", "--line"].map((name) => style.getPropertyValue(name).trim());
    const axis = { labelColor: ink, titleColor: ink, domainColor: soft, tickColor: soft, gridColor: line };
    return { background: "transparent", font: "system-ui, sans-serif", view: { stroke: null }, aria: false,
      axis: { ...axis, titleFontWeight: 600, labelFontSize: 11, titleFontSize: 12 } };
  }

  // What a screen reader says of a figure and of its menu.
  function describe(box) {
    const canvas = box.querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", box.dataset.words);
    box.querySelector("summary").setAttribute("aria-label", "Save this figure");
  }

  async function draw() {
    views.forEach(({ view }) => view.finalize());
    const actions = { export: true, source: false, compiled: false, editor: false };
    const tooltip = { theme: dark.matches ? "dark" : "light" };
    views = await Promise.all(Object.entries(figures).map(async ([name, figure]) => {
      const box = document.querySelector(`#${name} .chart`);
      const { view } = await vegaEmbed(box, figure, { mode: "vega-lite", actions, config: theme(), renderer: "canvas", tooltip });
      describe(box);
      return { name, view };
    }));
    update();
    document.body.dataset.drawn = "yes";
  }

  controls.addEventListener("input", update);
  controls.addEventListener("submit", (event) => event.preventDefault());
  dark.addEventListener("change", draw);
  tabulate();
  draw();
})();
