// Arithmetic on pixels, as animegan_tf does it in Python. Pixels are RGBA bytes, row by row.

/** The smallest side that the network takes and that holds `side`: a multiple of 4, at least 8. */
export const paddedSide = (side) => Math.max(8, Math.ceil(side / 4) * 4);

/** Where each of the `target` pixels comes from: 0 to side - 1, then back and forth. */
function mirrored(side, target) {
  const period = Math.max(1, 2 * (side - 1));
  return Int32Array.from({ length: target }, (_, i) => Math.min(i % period, period - (i % period)) % side);
}

/** RGBA bytes to RGB floats in [-1, 1], mirrored at the right and bottom up to padded sides. */
export function toTensor(pixels, width, height) {
  const columns = mirrored(width, paddedSide(width));
  const rows = mirrored(height, paddedSide(height));
  const values = new Float32Array(rows.length * columns.length * 3);
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = 4 * (row * width + column);
      for (let channel = 0; channel < 3; channel++) values[at++] = pixels[from + channel] / 127.5 - 1;
    }
  }
  return { values, shape: [1, rows.length, columns.length, 3] };
}

/** RGB floats in [-1, 1] of padded sides to RGBA bytes of `width` and `height`, truncated. */
export function toPixels(values, width, height) {
  const pixels = new Uint8ClampedArray(4 * width * height);
  const stride = 3 * paddedSide(width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = row * stride + 3 * column;
      const to = 4 * (row * width + column);
      for (let channel = 0; channel < 3; channel++) {
        const value = ((values[from + channel] + 1) / 2) * 255;
        if (Number.isNaN(value)) throw new Error("The network gave values that are not numbers.");
        pixels[to + channel] = Math.floor(value);
      }
      pixels[to + 3] = 255;
    }
  }
  return pixels;
}

const clipped = (value) => Math.min(255, Math.max(0, value));
const luminance = (red, green, blue) => (4899 * red + 9617 * green + 1868 * blue + 8192) >> 14;

/**
 * The result as it is shown: with the photo's colors if wanted, mixed with the photo.
 * Takes and gives RGBA bytes of one size; the photo's alpha is kept. Rounds as OpenCV does.
 */
export function finish(photo, anime, { strength = 1, keepColor = false } = {}) {
  const pixels = new Uint8ClampedArray(photo.length);
  for (let at = 0; at < photo.length; at += 4) {
    let [red, green, blue] = [anime[at], anime[at + 1], anime[at + 2]];
    if (keepColor) {
      const light = luminance(red, green, blue);
      const own = luminance(photo[at], photo[at + 1], photo[at + 2]);
      const warm = clipped((11682 * (photo[at] - own) + 8192 >> 14) + 128) - 128;
      const cold = clipped((9241 * (photo[at + 2] - own) + 8192 >> 14) + 128) - 128;
      red = clipped(light + (22987 * warm + 8192 >> 14));
      green = clipped(light + (-11698 * warm - 5636 * cold + 8192 >> 14));
      blue = clipped(light + (29049 * cold + 8192 >> 14));
    }
    pixels[at] = strength * red + (1 - strength) * photo[at];
    pixels[at + 1] = strength * green + (1 - strength) * photo[at + 1];
    pixels[at + 2] = strength * blue + (1 - strength) * photo[at + 2];
    pixels[at + 3] = photo[at + 3];
  }
  return pixels;
}

/** Width and height reduced until the longer side is at most `side`. */
export function reduced(width, height, side) {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
