// The camera's picture, as a stream of frames.

import { PictureError } from "./pictures.js";

const REASONS = {
  NotAllowedError: "The camera was not allowed. Allow it in the browser's settings for this page.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is in use by another program.",
};

/** A camera that is on. Call `close` when done. */
export class Camera {
  /** @param {HTMLVideoElement} video shows nothing by itself; frames are drawn from it */
  constructor(video) {
    this.video = video;
    this.facing = "user";
  }

  get isOn() {
    return Boolean(this.video.srcObject);
  }

  /** Turns the camera on, or over to the other side of a phone. @throws {PictureError} */
  async open(facing = this.facing) {
    this.close();
    if (!navigator.mediaDevices) {
      throw new PictureError("A camera needs a page that was opened over https or from this computer.");
    }
    try {
      this.video.srcObject = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: facing, width: { ideal: 1280 } },
      });
    } catch (error) {
      throw new PictureError(REASONS[error.name] ?? `The camera can't be used: ${error.message}`);
    }
    this.facing = facing;
    await this.video.play();
  }

  /** Opens the camera on the other side of a phone. */
  turn() {
    return this.open(this.facing === "user" ? "environment" : "user");
  }

  close() {
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
  }
}
