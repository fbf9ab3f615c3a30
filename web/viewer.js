// The photo over its result, with a slider between them.

import { finish } from "./pixels.js";

const element = (id) => document.getElementById(id);

/** Shows a photo and its result, both `ImageData` of one size. */
export class Viewer {
  #photo = null;
  #anime = null;

  constructor() {
    const split = element("split");
    const move = () => element("viewer").style.setProperty("--share", split.value / 100);
    split.addEventListener("input", move);
    move();
  }

  /** What the network made of the photo, before strength and colors; null while there is nothing. */
  get anime() {
    return this.#anime;
  }

  /** Shows a photo, with its result or alone. */
  show(photo, anime, options) {
    this.#photo = photo;
    this.#anime = anime;
    draw(element("before"), photo);
    this.finish(options);
  }

  /** Draws the result anew, as the controls say. */
  finish(options) {
    const { width, height, data } = this.#photo;
    const shown = this.#anime ? finish(data, this.#anime.data, options) : data;
    draw(element("after"), new ImageData(shown, width, height));
  }

  /** Shows two pictures by their addresses, such as an example. */
  async showFiles(before, after) {
    for (const [id, address] of [["before", before], ["after", after]]) {
      const image = new Image();
      image.src = address;
      await image.decode();
      const canvas = element(id);
      [canvas.width, canvas.height] = [image.width, image.height];
      canvas.getContext("2d").drawImage(image, 0, 0);
    }
  }
}

function draw(canvas, image) {
  if (canvas.width !== image.width || canvas.height !== image.height) {
    [canvas.width, canvas.height] = [image.width, image.height];
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
