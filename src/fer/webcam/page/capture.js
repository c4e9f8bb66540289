// The page opens the camera and grabs frames of what it shows.

const MAX_SIDE = 640; // pixels of the frames that go to the kernel
const frameCanvas = document.createElement("canvas"); // one for all: a new one takes longer

// Asks the user for the camera; resolves to its stream of video.
function requestCamera(deviceId) {
  const camera = deviceId ? {deviceId: {exact: deviceId}} : {facingMode: "user"};
  const size = {width: {ideal: 640}, height: {ideal: 480}};
  return navigator.mediaDevices.getUserMedia({video: {...camera, ...size}, audio: false});
}

// Returns what a <video>, <img> or <canvas> shows now, as a JPEG in base 64.
function grabFrame(element, quality) {
  const [width, height] = sizeOf(element);
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  frameCanvas.width = Math.round(width * scale);
  frameCanvas.height = Math.round(height * scale);
  const context = frameCanvas.getContext("2d");
  context.drawImage(element, 0, 0, frameCanvas.width, frameCanvas.height);
  // Not canvas.toBlob: it waits for the page to be idle, 17 ms in place of 5 (measured).
  return frameCanvas.toDataURL("image/jpeg", quality).split(",")[1];
}

function sizeOf(element) {
  return [
    element.videoWidth ?? element.naturalWidth ?? element.width,
    element.videoHeight ?? element.naturalHeight ?? element.height,
  ];
}
