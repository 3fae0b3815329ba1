// How many pictures a conversation still takes, and in words why no more.

import { t } from "./i18n.js";
import { toMessages } from "./request.js";

/**
 * What the model, as the server describes it, takes besides the turns: `left` more pictures, of
 * which it sees `imageSize` pixels a side. `why` says why there is no room, null where there is.
 */
export function pictureRoom({ id, vision }, turns) {
  if (!vision) return { left: 0, imageSize: 0, why: id ? t("picturesNone", { model: id }) : t("connecting") };
  const { most_pictures: most, image_size: imageSize } = vision;
  const left = Math.max(0, most - countPictures(turns));
  const words = most === 1 ? "picturesOne" : "picturesMost";
  return { left, imageSize, why: left ? null : t(words, { model: id, most }) };
}

// Of those that would be sent: a question without an answer is not.
function countPictures(turns) {
  const contents = toMessages("", turns).flatMap(({ content }) => content ?? []);
  return contents.filter(({ type }) => type === "image_url").length;
}
