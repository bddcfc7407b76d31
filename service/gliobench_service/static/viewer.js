// The kept series in NiiVue, and the Grad-CAM map over them.
import { Niivue } from "/static/niivue.js";

const viewer = document.querySelector("#viewer");
const form = viewer.querySelector("form");
const said = viewer.querySelector("#drawn");
const places = [...form.querySelectorAll("[name=place]")];
const map = viewer.dataset.map;
const FAINT = 0.25; // below this the map is not drawn, so that the image is seen

const niivue = new Niivue({
  dragAndDropEnabled: false,
  isRadiologicalConvention: true,
  loadingText: "",
  multiplanarShowRender: 0,
  crosshairWidth: 0.5,
  crosshairWidthUnit: "mm",
  crosshairColor: [0.45, 0.74, 0.94, 0.7],
  isCornerOrientationText: true,
  fontMinPx: 16,
  logLevel: "error",
});
niivue.onLocationChange = () => {
  places.forEach((input, axis) => { input.value = niivue.scene.crosshairPos[axis]; });
};

async function load() {
  const series = form.querySelector("[name=series]:checked");
  const volumes = [{ url: series.value, name: `${series.dataset.name}.nii.gz` }];
  const look = { colormap: "inferno", cal_min: FAINT, cal_max: 1, opacity: Number(form.opacity?.value) };
  if (map) volumes.push({ url: map, name: "map.nii.gz", ...look });
  viewer.dataset.drawn = "";
  await niivue.loadVolumes(volumes);
  said.textContent = map ? `${series.dataset.name}, with the map over it.` : `${series.dataset.name}.`;
  viewer.dataset.drawn = series.dataset.name;
}

async function change(event) {
  const { name, value } = event.target;
  if (name === "series") await load();
  if (name === "plane") niivue.setSliceType(Number(value));
  if (name === "opacity") niivue.setOpacity(1, Number(value));
  if (name === "place") {
    niivue.scene.crosshairPos = places.map((input) => Number(input.value));
    niivue.drawScene();
  }
}

try {
  await niivue.attachToCanvas(viewer.querySelector("canvas"));
  await load();
  form.addEventListener("input", change);
} catch {
  said.textContent = "The images cannot be shown: the viewer needs WebGL 2.";
}
