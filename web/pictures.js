// Picture files: reading them with a clear word for what can't be read, and writing results.

import { finish, reduced } from "./pixels.js";

const KINDS = [
  [/^image\/hei[cf]|\.hei[cf]$/, "This browser can't read HEIC photos. Save the photo as JPEG; an iPhone " +
    "takes JPEGs with Settings > Camera > Formats > Most Compatible."],
  [/^image\/svg|\.svgz?$/, "An SVG is a drawing made of shapes, not a photo. Save it as PNG or JPEG."],
  [/^(image|video)\//, "This file can't be read: it is damaged, or of a kind that this browser doesn't know."],
  [/(?:)/, "This is not a picture or a video."],
];

/** Something that the user can mend; its message is for the page. */
export class PictureError extends Error {}

function unreadable({ type, name }) {
  const known = `${type} ${name.toLowerCase()}`;
  return new PictureError(`${name}: ${KINDS.find(([kind]) => kind.test(type) || kind.test(known))[1]}`);
}

/** Whether a picture file has several frames; browsers without ImageDecoder don't say. */
async function isAnimated(file) {
  if (!/gif|webp|png|avif/.test(file.type) || !("ImageDecoder" in self)) return false;
  const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type });
  await decoder.tracks.ready;
  const animated = decoder.tracks.selectedTrack.frameCount > 1;
  decoder.close();
  return animated;
}

/**
 * Reads a picture file, turned as the camera was held.
 * @returns {Promise<{bitmap: ImageBitmap, name: string, type: string, note: string}>}
 * @throws {PictureError}
 */
export async function readPicture(file) {
  if (!file.size) throw new PictureError(`${file.name} is empty: it has 0 bytes.`);
  if (/^image\/svg/.test(file.type)) throw unreadable(file);
  try {
    const bitmap = await createImageBitmap(file);
    const note = (await isAnimated(file)) ? "An animation: only its first frame is taken. " : "";
    return { bitmap, name: file.name.replace(/\.\w+$/, ""), type: file.type, note };
  } catch (error) {
    if (error.name === "InvalidStateError" || error.name === "EncodingError") throw unreadable(file);
    throw error;
  }
}

/** The pixels of a bitmap, a video, or a canvas, scaled to a size. @returns {ImageData} */
export function pixelsOf(source, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** The pixels of a bitmap whose longer side is at most `side`. */
export function reducedPixels(bitmap, side) {
  return pixelsOf(bitmap, ...reduced(bitmap.width, bitmap.height, side));
}

/** A canvas with these pixels. */
export function canvasOf(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/**
 * The finished picture at the photo's own size, as a file: JPEG if the photo was one, else PNG.
 * A result that was computed at a smaller size is enlarged.
 */
export async function fileOf(photo, anime, options) {
  const { width, height } = photo.bitmap;
  const same = anime.width === width && anime.height === height;
  const enlarged = same ? anime : pixelsOf(canvasOf(anime), width, height);
  const own = pixelsOf(photo.bitmap, width, height);
  const finished = new ImageData(finish(own.data, enlarged.data, options), width, height);
  const type = photo.type === "image/jpeg" ? "image/jpeg" : "image/png";
  const blob = await canvasOf(finished).convertToBlob({ type, quality: 0.95 });
  return { blob, extension: type === "image/jpeg" ? "jpg" : "png" };
}
