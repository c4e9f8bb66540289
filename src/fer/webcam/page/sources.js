// What the panel shows: the camera, a file that the browser plays, or frames that the kernel sends.
// A source is {element, isCamera, start(onEnded), stop(), of a video play(), too}; start() resolves once its element shows
// a picture.

import {requestCamera} from "./capture.js";

const CAMERA_ERRORS = { // by the names with which getUserMedia rejects (W3C Media Capture and Streams)
  NotAllowedError: "The browser was not allowed to use the camera. Click the camera sign in the address bar, allow it"
    + " for this page, and start again",
  NotFoundError: "No camera was found. Plug one in, or switch it on, and start again",
  NotReadableError: "The camera is busy: another program is using it. Close video calls and other pages that show it,"
    + " and start again",
  OverconstrainedError: "The chosen camera is gone. Choose another one, and start again",
  insecure: "Browsers give the camera to secure pages only, and this one came over plain http from another computer."
    + " Open the notebook at an https:// address, or through a tunnel at http://localhost",
  editor: "This editor does not let a notebook use the camera. Open the notebook in a browser, in Colab or JupyterLab",
};

export function explainCameraError(error) {
  if (/\bCode\/|\bElectron\//.test(navigator.userAgent)) return CAMERA_ERRORS.editor;
  if (!isSecureContext || !navigator.mediaDevices) return CAMERA_ERRORS.insecure;
  return CAMERA_ERRORS[error.name] || `The browser cannot show the camera (${error.name}: ${error.message})`;
}

export function cameraSource(video, deviceId) {
  let stream = null;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
    stream?.getTracks().forEach(track => track.stop());
    if (video.srcObject === stream) video.srcObject = null; // not that of a later start
  };
  return {
    element: video,
    isCamera: true,
    stop,
    async start(onEnded) {
      stream = await requestCamera(deviceId);
      if (isStopped) return stop(); // while the browser asked
      const [track] = stream.getVideoTracks();
      track.addEventListener("ended", () => onEnded("The camera was unplugged, or taken by another program."));
      video.srcObject = stream;
      await video.play();
      return track.getSettings().deviceId;
    },
  };
}

export function videoSource(video, file) {
  const address = URL.createObjectURL(file);
  let isPlaying = false;
  return {
    element: video,
    stop() {
      video.pause();
      video.removeAttribute("src");
      URL.revokeObjectURL(address);
    },
    play() {
      isPlaying = true;
      return video.play();
    },
    async start(onEnded) { // shows its beginning; it plays once its faces are looked for
      video.src = address;
      video.addEventListener("ended", () => { // a short one may be at its end before it is paused, and tell it late
        if (isPlaying && video.ended) onEnded(`${file.name} is at its end.`);
      });
      await video.play();
      if (!video.videoWidth) throw new Error("it can play its sound alone");
      video.pause();
    },
  };
}

export function pictureSource(image, file) {
  const address = URL.createObjectURL(file);
  return {
    element: image,
    isStill: true,
    stop: () => URL.revokeObjectURL(address),
    async start() {
      image.src = address;
      await image.decode();
    },
  };
}

// requestNext({restart}): resolves to the kernel's next frame with the faces in it.
export function kernelSource(canvas, requestNext) {
  const showNext = async restart => {
    const reply = await requestNext({restart});
    if (reply.pictures.length === 0) return reply;
    const picture = await createImageBitmap(reply.pictures[0]);
    [canvas.width, canvas.height] = [picture.width, picture.height];
    canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    return reply;
  };
  return {element: canvas, stop() {}, start: () => showNext(true), showNext: () => showNext(false)};
}
