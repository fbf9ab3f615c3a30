// Runs the network off the page's thread. `network.js` is its other end.

import { toPixels, toTensor } from "./pixels.js";

const WASM = {
  webgpu: "runtime/ort-wasm-simd-threaded.asyncify.wasm",
  wasm: "runtime/ort-wasm-simd-threaded.wasm",
};

let ort;
let session;

/** Bytes of a file, with a progress message for each piece; `from` of `whole` bytes came before. */
async function download(file, from, whole) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} can't be loaded (status ${response.status}).`);
  const pieces = [];
  let loaded = from;
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    loaded += value.length;
    postMessage({ progress: Math.min(1, loaded / whole) });
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** Whether there is a graphics card that WebGPU can use; one drawn in software is none. */
async function hasGpu() {
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    return Boolean(adapter) && !adapter.info?.isFallbackAdapter;
  } catch {
    return false;
  }
}

const jobs = {
  async load({ file, sizes, device }) {
    device ??= (await hasGpu()) ? "webgpu" : "wasm";
    const wasm = WASM[device];
    const whole = sizes[wasm] + sizes[file];
    ort = await import(`./runtime/ort.${device}.min.mjs`);
    ort.env.wasm.wasmPaths = new URL("runtime/", import.meta.url).href;
    ort.env.wasm.wasmBinary = await download(wasm, 0, whole);
    ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(8, navigator.hardwareConcurrency) : 1;
    const model = await download(file, sizes[wasm], whole);
    session = await ort.InferenceSession.create(model, { executionProviders: [device] });
    return { device, threads: ort.env.wasm.numThreads };
  },

  async run({ pixels, width, height }) {
    const { values, shape } = toTensor(pixels, width, height);
    const photo = new ort.Tensor("float32", values, shape);
    const { anime } = await session.run({ photo });
    try {
      return { pixels: toPixels(await anime.getData(), width, height) };
    } finally {
      anime.dispose();
    }
  },
};

self.onmessage = async ({ data: { job, ...wanted } }) => {
  try {
    const result = await jobs[job](wanted);
    postMessage({ result }, result.pixels ? [result.pixels.buffer] : []);
  } catch (error) {
    postMessage({ error: String(error?.message ?? error) });
  }
};
