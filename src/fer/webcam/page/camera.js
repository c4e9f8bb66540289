// What the panel looks at: the browser's camera, a file that the browser plays, or pictures that the kernel sends.
// A source is {element, size(), mirrored, start(), stop()}; start() resolves once the element shows a picture.

const LONGEST_SIDE = 640; // pixels of the pictures that go to the kernel

const REFUSALS = { // by the names with which getUserMedia rejects (W3C Media Capture and Streams)
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

function explainRefusal(error) {
  if (/\bCode\/|\bElectron\//.test(navigator.userAgent)) return REFUSALS.editor;
  if (!isSecureContext || !navigator.mediaDevices) return REFUSALS.insecure;
  return REFUSALS[error.name] || `The browser cannot show the camera (${error.name}: ${error.message})`;
}

function cameraSource(video, deviceId) {
  let stream = null;
  let stopped = false;
  const stop = () => {
    stopped = true;
    if (stream) stream.getTracks().forEach(track => track.stop());
    if (video.srcObject === stream) video.srcObject = null; // not that of a later start
  };
  return {
    element: video,
    mirrored: true,
    stop,
    size: () => [video.videoWidth, video.videoHeight],
    async start(onEnded) {
      const wanted = deviceId ? {deviceId: {exact: deviceId}} : {facingMode: "user"};
      const size = {width: {ideal: 640}, height: {ideal: 480}};
      stream = await navigator.mediaDevices.getUserMedia({video: {...wanted, ...size}, audio: false});
      if (stopped) return stop(); // while the browser asked
      const [track] = stream.getVideoTracks();
      track.addEventListener("ended", () => onEnded("The camera was unplugged, or taken by another program."));
      video.srcObject = stream;
      await video.play();
      return track.getSettings().deviceId;
    },
  };
}

function videoSource(video, file) {
  const address = URL.createObjectURL(file);
  const stop = () => {
    video.pause();
    video.removeAttribute("src");
    URL.revokeObjectURL(address);
  };
  return {
    element: video,
    stop,
    size: () => [video.videoWidth, video.videoHeight],
    async start(onEnded) {
      video.src = address;
      video.addEventListener("ended", () => onEnded(`${file.name} is at its end.`), {once: true});
      await video.play();
    },
  };
}

function pictureSource(image, file) {
  const address = URL.createObjectURL(file);
  return {
    element: image,
    stop: () => URL.revokeObjectURL(address),
    size: () => [image.naturalWidth, image.naturalHeight],
    async start() {
      image.src = address;
      await image.decode();
    },
  };
}

function kernelSource(canvas, next) {
  const source = {
    element: canvas,
    stop() {},
    size: () => [canvas.width, canvas.height],
    start: () => source.advance(0),
    async advance(seconds) { // shows the kernel's next picture and returns what the kernel saw in it
      const answer = await next(seconds);
      if (answer.pictures.length === 0) return answer;
      const picture = await createImageBitmap(answer.pictures[0]);
      [canvas.width, canvas.height] = [picture.width, picture.height];
      canvas.getContext("2d").drawImage(picture, 0, 0);
      picture.close();
      return answer;
    },
  };
  return source;
}

const grabbed = document.createElement("canvas"); // one for all frames: a new one each time takes longer

// Returns a JPEG of at most 640 pixels a side, in base 64. (canvas.toBlob waits for the page to be idle: measured, 17
// ms in place of 5 while a video plays.)
function grabJpeg(source, quality) {
  const [width, height] = source.size();
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const size = [Math.round(width * scale), Math.round(height * scale)];
  if (grabbed.width !== size[0] || grabbed.height !== size[1]) [grabbed.width, grabbed.height] = size;
  grabbed.getContext("2d").drawImage(source.element, 0, 0, ...size);
  return grabbed.toDataURL("image/jpeg", quality).split(",")[1];
}
