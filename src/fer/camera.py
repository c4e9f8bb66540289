"""Take a picture with the camera of the browser that shows the notebook in Colab."""

import base64

from fer.environment import UserError

# Evaluated in the output frame of the running cell. Resolves to {picture: <JPEG as a data URL>} or {error: <name>}.
# The camera is switched off on every way out: after the picture, on an error, when the page or the cell's output
# goes away, and two minutes after it was switched on, because an interrupted cell tells the page nothing.
SNAPSHOT_SCRIPT = """
(async () => {
  if (!navigator.mediaDevices) return {error: "InsecureOrigin"};
  let stream;
  const stop = () => stream && stream.getTracks().forEach(track => track.stop());
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, facingMode: "user"}});
  } catch (error) {
    return {error: error.name};
  }
  const panel = document.createElement("div");
  const video = document.createElement("video");
  const button = document.createElement("button");
  button.textContent = "Take the picture";
  button.style.cssText = "display: block; margin: 8px 0; padding: 8px 16px; font-size: 16px";
  video.style.cssText = "max-width: 100%; transform: scaleX(-1)";
  Object.assign(video, {srcObject: stream, playsInline: true, muted: true});
  panel.append(button, video);
  document.body.append(panel);
  addEventListener("pagehide", stop);
  try {
    await video.play();
    const pressed = new Promise(resolve => { button.onclick = () => resolve(true); });
    const waited = new Promise(resolve => setTimeout(resolve, 120000, false));
    if (!await Promise.race([pressed, waited])) return {error: "NobodyPressed"};
    const scale = Math.min(1, 640 / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
    return {picture: canvas.toDataURL("image/jpeg", 0.9)};
  } finally {
    stop();
    removeEventListener("pagehide", stop);
    panel.remove();
  }
})()
"""

# The names are those that getUserMedia rejects with (W3C Media Capture and Streams), and two of our own.
REFUSALS = {
    "NotAllowedError": "the browser was not allowed to use it: click the camera sign in the address bar and allow it",
    "NotFoundError": "there is none: plug one in",
    "NotReadableError": "another program uses it: close video calls and other pages that show it",
    "OverconstrainedError": "it cannot deliver the size that was asked for: choose another in the browser's settings",
    "InsecureOrigin": "the page is not opened over https: open the notebook at its https address",
    "NobodyPressed": "nobody pressed the button for two minutes, so it was switched off",
}


def take_snapshot() -> bytes:
    """Show the camera's picture with a button, and return a JPEG of at most 640 pixels once it is pressed.

    Works in a running cell in Colab only. Raises UserError with the reason when there is no picture.
    """
    from google.colab import output

    answer = output.eval_js(SNAPSHOT_SCRIPT, timeout_sec=300) or {"error": "no answer"}
    if "picture" not in answer:
        reason = REFUSALS.get(answer["error"], f"the browser says {answer['error']}")
        raise UserError(f"No picture from the camera: {reason}. Then run this cell again, or upload a photo below.")
    return base64.b64decode(answer["picture"].partition(",")[2])
