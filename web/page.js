// The page: what is chosen, what runs, what is shown.

import { Camera } from "./camera.js";
import { Network } from "./network.js";
import { canvasOf, fileOf, PictureError, pixelsOf, readPicture, reducedPixels } from "./pictures.js";
import { reduced } from "./pixels.js";
import { stylizeVideo } from "./video.js";
import { Viewer } from "./viewer.js";

const element = (id) => document.getElementById(id);
const SIDES = [256, 384, 512, 768, 1024, 1536, 2048];
const DEFAULT_SIDE = { webgpu: 1024, wasm: 512 };
const LIVE_SIDE = 256;

const device = new URLSearchParams(location.search).get("device"); // "webgpu" or "wasm"; for trials.
const files = await (await fetch("files.json")).json();
const viewer = new Viewer();
const camera = new Camera(element("source"));
let network = new Network();
let photo = null; // What `readPicture` gave.
let film = null; // A finished video: its blob and extension.
let secondsPerPixel = 0;
let stopping = new AbortController();

const style = () => files.styles[element("style").value];
const chosenNetwork = () => style().networks[element("network").value];
const side = () => Number(element("side").value);
const options = () => ({
  strength: element("strength").value / 100,
  keepColor: element("keep-color").checked,
});

function say(text) {
  element("status").textContent = text;
}

function working(share = null) {
  element("working").hidden = share === false;
  if (share > 0) element("progress").value = share;
  else element("progress").removeAttribute("value");
}

/** What went wrong, in words that help. */
function explain(error) {
  if (error instanceof PictureError) return error.message;
  if (/memory|alloc|RangeError|out of bounds/i.test(`${error.name} ${error.message}`)) {
    return "This device has too little memory for this size. Choose a smaller work size.";
  }
  if (/fetch|load/i.test(error.message)) {
    return `The network could not be loaded: ${error.message} Check the connection and try again.`;
  }
  return `That did not work: ${error.message}`;
}

/** Does one thing at a time: what runs already is stopped first. */
async function only(task) {
  stopping.abort();
  stopping = new AbortController();
  if (network.isBusy) startAnew();
  const { signal } = stopping;
  element("error").textContent = "";
  say("");
  try {
    await task(signal);
  } catch (error) {
    if (signal.aborted) return;
    console.warn(error);
    element("error").textContent = explain(error);
    startAnew(); // The memory of a network that has failed is not given back otherwise.
  }
  if (!signal.aborted) working(false);
}

/** Ends what the network does; it is loaded again when it is needed. */
function startAnew() {
  network.close();
  network = new Network();
}

/** The chosen network, loaded. */
async function ready() {
  const { file } = chosenNetwork();
  if (network.file === file) return;
  startAnew();
  say("Loading the network…");
  working();
  const loading = network;
  await loading.load(file, files.sizes, device, working);
  loading.file = file;
  const { device: used, threads, reason } = loading.runsOn;
  element("runs-on").textContent =
    used === "webgpu"
      ? "Runs on the graphics card (WebGPU)."
      : `Runs on the processor (WebAssembly, ${threads === 1 ? "one thread" : `${threads} threads`}): ` +
        (reason ? `WebGPU failed (${reason})` : "this browser offers no graphics card by WebGPU") +
        (threads === 1 ? ". It is slow because this page was served without the headers for threads." : ".");
  if (!element("side").dataset.chosen) element("side").value = DEFAULT_SIDE[used];
}

/** Runs the network, with an estimate once its speed is known. */
async function run(pixels) {
  const count = pixels.width * pixels.height;
  const expected = Math.round(secondsPerPixel * count);
  say(`Painting at ${pixels.width}x${pixels.height}…${expected > 2 ? ` about ${expected} s` : ""}`);
  working();
  const start = performance.now();
  const anime = await network.run(pixels);
  secondsPerPixel = (performance.now() - start) / 1000 / count;
  return anime;
}

async function paint(signal) {
  await ready();
  const pixels = reducedPixels(photo.bitmap, side());
  viewer.show(pixels, null, {});
  const anime = await run(pixels);
  if (signal.aborted) return;
  viewer.show(pixels, anime, options());
  element("caption").textContent = "";
  element("controls").hidden = false;
  const { width, height } = photo.bitmap;
  const own = `${width}x${height}`;
  say(
    photo.note +
      (pixels.width === width && pixels.height === height
        ? `Done, at its own size of ${own}.`
        : `Done. Painted at ${pixels.width}x${pixels.height}; saved at its own size of ${own}, enlarged.`),
  );
}

async function open(file) {
  endCamera();
  film = null;
  await only(async (signal) => {
    if (file.type.startsWith("video/")) return paintVideo(file, signal);
    const opened = await readPicture(file);
    photo?.bitmap.close();
    photo = opened;
    await paint(signal);
  });
}

async function paintVideo(file, signal) {
  element("controls").hidden = true;
  await ready();
  let count = 0;
  let share = 0;
  const stylize = async (canvas) => {
    const frame = pixelsOf(canvas, canvas.width, canvas.height);
    const anime = await network.run(frame);
    viewer.show(frame, anime, options());
    say(`Frame ${++count}, ${Math.round(100 * share)} % done`);
    return element("after");
  };
  const onProgress = (done) => working((share = done));
  const { note, ...result } = await stylizeVideo(file, side(), stylize, onProgress, signal);
  film = { ...result, name: file.name.replace(/\.\w+$/, "") };
  element("caption").textContent = "";
  element("controls").hidden = false;
  say(`Done: ${count} frames. ${note}`);
}

async function live(signal) {
  await ready();
  say("");
  working(false);
  for (let frames = 0, start = performance.now(); !signal.aborted && camera.isOn; ) {
    const size = reduced(camera.video.videoWidth, camera.video.videoHeight, LIVE_SIDE);
    const frame = pixelsOf(camera.video, ...size);
    const anime = await network.run(frame);
    if (signal.aborted || !camera.isOn) return;
    viewer.show(frame, anime, options());
    const rate = (1000 * ++frames) / (performance.now() - start);
    element("caption").textContent = `Live at ${size.join("x")}, ${rate.toFixed(1)} pictures a second`;
  }
}

async function openCamera(turn = false) {
  film = null;
  await only(async (signal) => {
    await (turn ? camera.turn() : camera.open());
    element("camera-bar").hidden = false;
    element("controls").hidden = true;
    choose(style().networks.length - 1); // The lightest one: the camera doesn't wait.
    await live(signal);
  });
}

function endCamera() {
  if (!camera.isOn) return;
  stopping.abort();
  camera.close();
  element("camera-bar").hidden = true;
  element("caption").textContent = "";
}

async function takePicture() {
  const bitmap = await createImageBitmap(camera.video);
  stop(); // The live picture's job must not hold this one up.
  endCamera();
  photo = { bitmap, name: "camera", type: "image/jpeg", note: "" };
  await only(paint);
}

function stop() {
  stopping.abort();
  startAnew();
  working(false);
  say("");
}

async function save() {
  element("save").disabled = true;
  try {
    const { blob, extension } = film ?? (await fileOf(photo, viewer.anime, options()));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${(film ?? photo).name}-${style().name}.${extension}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    element("error").textContent = explain(error);
  }
  element("save").disabled = false;
}

function again() {
  if (camera.isOn) only(live);
  else if (photo && !film && !element("controls").hidden) only(paint);
}

function choose(index) {
  element("network").value = index;
}

/** Fills the selects for the chosen style, and says what it is. */
function showStyle() {
  const { summary, attribution, license, networks } = style();
  element("network").replaceChildren(
    ...networks.map(({ label, bytes }, i) => new Option(`${label}, ${(bytes / 1e6).toFixed(1)} MB`, i)),
  );
  choose(networks.length - 1);
  element("about").textContent = [summary, license && `License: ${license}.`, attribution]
    .filter(Boolean)
    .join(" ");
}

async function showExample() {
  const { example } = style();
  if (!example) return;
  await viewer.showFiles(example.before, example.after);
  if (!photo && !camera.isOn) {
    element("caption").textContent = `Example: ${example.title}, ${example.credit}.`;
  }
}

function fillSelects() {
  element("style").replaceChildren(...files.styles.map(({ name }, i) => new Option(name, i)));
  element("side").replaceChildren(...SIDES.map((size) => new Option(`${size} pixels`, size)));
  element("side").value = DEFAULT_SIDE.wasm;
  showStyle();
}

function listen() {
  const on = (id, event, task) => element(id).addEventListener(event, task);
  on("choose", "click", () => element("file").click());
  on("file", "change", ({ target }) => {
    const [file] = target.files;
    target.value = "";
    if (file) open(file);
  });
  on("camera", "click", () => openCamera());
  on("turn", "click", () => openCamera(true));
  on("end", "click", endCamera);
  on("snap", "click", takePicture);
  on("stop", "click", stop);
  on("save", "click", save);
  on("style", "change", () => (showStyle(), again()));
  on("network", "change", again);
  on("side", "change", () => ((element("side").dataset.chosen = true), again()));
  for (const id of ["strength", "keep-color"]) {
    on(id, "input", () => viewer.anime && viewer.finish(options()));
  }
  addEventListener("paste", ({ clipboardData }) => clipboardData.files[0] && open(clipboardData.files[0]));
  for (const event of ["dragover", "dragleave", "drop"]) {
    addEventListener(event, (moved) => {
      moved.preventDefault();
      element("drop").classList.toggle("over", event === "dragover");
      if (event === "drop" && moved.dataTransfer.files[0]) open(moved.dataTransfer.files[0]);
    });
  }
}

/** Lets the page work offline; loads it once more where only `offline.js` can allow threads. */
async function goOffline() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  await workers.register("offline.js");
  if (!workers.controller) {
    await new Promise((resolve) => {
      workers.addEventListener("controllerchange", resolve, { once: true });
      setTimeout(resolve, 3000);
    });
  }
  if (!crossOriginIsolated && workers.controller && !sessionStorage.reloaded) {
    sessionStorage.reloaded = true;
    location.reload();
  }
}

fillSelects();
listen();
await goOffline().catch(console.warn);
showExample().catch(console.warn);
document.documentElement.dataset.ready = true;
