// The page opens the camera and grabs frames of what it shows.

const MAX_SIDE = 640; // pixels of the frames that are searched for faces
const frameCanvas = document.createElement("canvas"); // one for all: a new one takes longer

// Asks the user for the camera; resolves to its stream of video.
export function requestCamera(deviceId) {
  const camera = deviceId ? {deviceId: {exact: deviceId}} : {facingMode: "user"};
  const size = {width: {ideal: 640}, height: {ideal: 480}};
  return navigator.mediaDevices.getUserMedia({video: {...camera, ...size}, audio: false});
}

// Resolves to what a <video>, <img> or <canvas> shows now, for the page's own recognition.
export function grabBitmap(element) {
  const [resizeWidth, resizeHeight] = frameSize(element);
  return createImageBitmap(element, {resizeWidth, resizeHeight});
}

// Returns the same as a JPEG in base 64, for the kernel.
export function grabFrame(element, quality) {
  [frameCanvas.width, frameCanvas.height] = frameSize(element);
  const context = frameCanvas.getContext("2d");
  context.drawImage(element, 0, 0, frameCanvas.width, frameCanvas.height);
  // Not canvas.toBlob: it waits for the page to be idle, 17 ms in place of 5 (measured).
  return frameCanvas.toDataURL("image/jpeg", quality).split(",")[1];
}

// Returns width and height of these frames, in whose pixels boxes are.
export function frameSize(element) {
  const size = [
    element.videoWidth ?? element.naturalWidth ?? element.width,
    element.videoHeight ?? element.naturalHeight ?? element.height,
  ];
  const scale = Math.min(1, MAX_SIDE / Math.max(...size));
  return size.map(length => Math.round(length * scale));
}
