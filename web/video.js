// A video file, frame by frame, with its sound and its times.

import { PictureError } from "./pictures.js";
import { reduced } from "./pixels.js";

/** Sides of videos are even: most encoders ask for it. */
const even = (side) => Math.max(2, side - (side % 2));

/**
 * Stylizes a video.
 * @param {File} file
 * @param {number} side the longer side of the result, at most
 * @param {(frame: OffscreenCanvas) => Promise<OffscreenCanvas>} stylize
 * @param {(share: number) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<{blob: Blob, extension: string, note: string}>}
 * @throws {PictureError}
 */
export async function stylizeVideo(file, side, stylize, onProgress, signal) {
  if (!("VideoEncoder" in self)) {
    throw new PictureError("This browser can't write videos: it has no WebCodecs. Try another one.");
  }
  const media = await import("./runtime/mediabunny.min.mjs");
  const input = new media.Input({ source: new media.BlobSource(file), formats: media.ALL_FORMATS });
  const track = await input.getPrimaryVideoTrack().catch(() => null);
  if (!track || !(await track.canDecode())) {
    throw new PictureError(`${file.name}: this browser can't read this video.`);
  }
  const whole = [await track.getDisplayWidth(), await track.getDisplayHeight()];
  const [width, height] = reduced(...whole, side).map(even);
  const mp4 = await media.canEncodeVideo("avc", { width, height });
  const output = new media.Output({
    format: mp4 ? new media.Mp4OutputFormat() : new media.WebMOutputFormat(),
    target: new media.BufferTarget(),
  });
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const conversion = await media.Conversion.init({
    input,
    output,
    tracks: "primary",
    video: {
      width,
      height,
      fit: "fill",
      forceTranscode: true,
      process: (sample) => {
        sample.draw(context, 0, 0, width, height);
        return stylize(canvas);
      },
    },
  });
  if (!conversion.isValid) {
    const reasons = conversion.discardedTracks.map(({ reason }) => reason.replaceAll("_", " "));
    throw new PictureError(`${file.name}: this browser can't convert it (${reasons.join(", ")}).`);
  }
  conversion.onProgress = onProgress;
  signal.addEventListener("abort", () => conversion.cancel());
  await conversion.execute();
  const silent = conversion.discardedTracks.some(({ track }) => track.type === "audio");
  return {
    blob: new Blob([output.target.buffer], { type: mp4 ? "video/mp4" : "video/webm" }),
    extension: mp4 ? "mp4" : "webm",
    note: silent ? "Its sound could not be kept." : "",
  };
}
