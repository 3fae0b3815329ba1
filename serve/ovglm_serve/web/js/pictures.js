// Pictures on their way from a file to the chat: as data: URLs, and no larger than is of use.

/** What the server reads as it stands. */
const READ = ["image/png", "image/jpeg", "image/webp", "image/gif"];
const DATA_URL = new RegExp(`^data:(${READ.join("|")});base64,[A-Za-z0-9+/]+={0,2}$`);
// A camera's photo is some 4 MB, which neither the server's limit of a request nor the browser's
// storage has room for. A model sees pictures at one small size: twice that leaves the last step,
// the exact one, to the server. For the eyes of people it is at least SHARP pixels.
const TIMES = 2;
const SHARP = 1024;
const LARGEST = 2048;
// Smaller files are sent as they are, to the last bit.
const SMALL_BYTES = 512 * 1024;
const QUALITY = 0.9;

/** A file that is no picture, or none that this browser can read. */
export class BadPicture extends Error {}

export function isPicture(file) {
  return file.type.startsWith("image/");
}

/** Say whether a text is a picture as this page keeps it. */
export function isPictureUrl(text) {
  return typeof text === "string" && DATA_URL.test(text);
}

/** Give a file as a data: URL; `imageSize` is that of what the model sees, in pixels. */
export async function readPicture(file, imageSize) {
  const bitmap = await createImageBitmap(file).catch(() => { throw new BadPicture(file.name); });
  const most = Math.min(Math.max(TIMES * imageSize, SHARP), LARGEST);
  const scale = Math.min(1, most / Math.max(bitmap.width, bitmap.height));
  const isSmall = scale === 1 && file.size <= SMALL_BYTES && READ.includes(file.type);
  const blob = isSmall ? file : await shrink(bitmap, scale, file.type);
  bitmap.close();
  return toDataUrl(blob);
}

// Photos become JPEG; all else WebP, which keeps what is transparent, or PNG where the browser
// cannot write that.
async function shrink(bitmap, scale, type) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const isPhoto = /jpe?g|hei[cf]/.test(type);
  const blob = await new Promise((done) => { canvas.toBlob(done, isPhoto ? "image/jpeg" : "image/webp", QUALITY); });
  if (!blob) throw new BadPicture();
  return blob;
}

function toDataUrl(blob) {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result));
    reader.addEventListener("error", () => fail(new BadPicture()));
    reader.readAsDataURL(blob);
  });
}
