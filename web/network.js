// The worker with its network, as promises. One job at a time.

/** A network that is loaded, or loading. */
export class Network {
  #worker = null;
  #settle = null;
  #onProgress = () => {};

  /** What it runs on: "webgpu" or "wasm", the number of threads, and why not on WebGPU. */
  runsOn = null;

  /**
   * Loads a network.
   * @param {string} file the ONNX file
   * @param {Object<string, number>} sizes bytes of the page's files, for the progress
   * @param {string|null} device "webgpu" or "wasm"; null: the better one that this browser has
   * @param {(share: number) => void} onProgress
   */
  async load(file, sizes, device, onProgress) {
    this.#onProgress = onProgress;
    try {
      this.runsOn = await this.#ask({ job: "load", file, sizes, device });
    } catch (error) {
      if (device === "wasm") throw error;
      this.close();
      this.runsOn = await this.#ask({ job: "load", file, sizes, device: "wasm" });
      this.runsOn.reason = error.message;
    }
  }

  /** Whether a job has not been answered yet. */
  get isBusy() {
    return this.#settle !== null;
  }

  /** @param {ImageData} photo @returns {Promise<ImageData>} of the same size */
  async run({ data, width, height }) {
    const { pixels } = await this.#ask({ job: "run", pixels: data, width, height });
    return new ImageData(pixels, width, height);
  }

  /** Ends the worker and what it does; a job that waits is rejected with an AbortError. */
  close() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#settle?.reject(new DOMException("Stopped.", "AbortError"));
    this.#settle = null;
  }

  #ask(message) {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#worker ??= this.#start();
      this.#worker.postMessage(message);
    });
  }

  #start() {
    const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => {
      if ("progress" in data) return this.#onProgress(data.progress);
      const { resolve, reject } = this.#settle;
      this.#settle = null;
      if ("error" in data) reject(new Error(data.error));
      else resolve(data.result);
    };
    worker.onerror = (event) => {
      this.#settle?.reject(new Error(event.message || "The worker could not be started."));
      this.#settle = null;
    };
    return worker;
  }
}
