// Chooses for every slide the largest letters with which it fits, and continues one that is too full on another slide;
// then starts reveal.js. `slidesFaults` names the slides of which a part has to scroll; `slidesPrintable` is set when all
// have become pages.
"use strict";
const TEXT = 5; // how many sizes of text and code slides.css has
const CODE = 4;
const CALM = 4; // the smallest of text for which a slide is not continued on another one
const faults = [];

function fits(page) {
  const inside = page.getBoundingClientRect().bottom - parseFloat(getComputedStyle(page).paddingBottom);
  const bottoms = [...page.children].map((part) => part.getBoundingClientRect().bottom);
  const lines = [...page.querySelectorAll(".source pre")];
  return Math.max(...bottoms) <= inside && lines.every((code) => code.scrollWidth <= code.clientWidth);
}

/** Show the first `shown` parts of a page, and find sizes with which they fit: a long line makes only code smaller. */
function fitted(page, parts, shown, smallest = TEXT) {
  parts.forEach((part, i) => (part.hidden = i >= shown));
  for (let text = 1; text <= smallest; text++) {
    for (let code = Math.min(text, CODE); code <= CODE; code++) {
      Object.assign(page.dataset, { text, code });
      if (fits(page)) return true;
    }
  }
  return false;
}

/** Reserve a quarter more height than on the page of the notebook, if a slide has so much. */
function reserve(image) {
  const height = Number(image.dataset.height); // that of the notebook's page: the file may have twice the pixels
  image.style.setProperty("--least", `${Math.min(Math.max(0.95 * height, 480), 1.25 * height)}px`);
  if (image.naturalHeight / image.naturalWidth > 0.75) image.closest(".part").classList.add("tall");
}

/** Halve a list, a table or a long output; the second half is a part of its own. Returns whether that can be done. */
function halve(part) {
  const list = part.querySelector("tbody, ul, ol");
  if (!list || list.children.length < 2) return false;
  const rest = part.cloneNode(true);
  const half = Math.ceil(list.children.length / 2);
  [...list.children].slice(half).forEach((item) => item.remove());
  const restOfList = rest.querySelector("tbody, ul, ol");
  [...restOfList.children].slice(0, half).forEach((item) => item.remove());
  if (restOfList.tagName === "OL") restOfList.start += half;
  part.after(rest);
  return true;
}

/** Move the parts behind the first `kept` to a new slide below this one. */
function continueAfter(page, parts, kept) {
  const slide = page.parentElement;
  const next = slide.cloneNode(false);
  next.id = `${slide.id}-more`;
  const nextPage = page.cloneNode(false);
  nextPage.classList.remove("opening");
  nextPage.append(page.querySelector("header").cloneNode(true), ...parts.slice(kept));
  parts.forEach((part) => (part.hidden = false));
  nextPage.querySelectorAll(":scope > .fragment").forEach((part) => part.classList.remove("fragment"));
  next.append(nextPage, ...[...slide.querySelectorAll(".notes")].map((notes) => notes.cloneNode(true)));
  slide.after(next);
  paginate(nextPage);
}

function paginate(page) {
  const parts = [...page.querySelectorAll(":scope > .part")];
  if (page.classList.contains("opening")) return fitted(page, parts, 1), continueAfter(page, parts, 1);
  const whole = parts.length === 1 || page.classList.contains("task");
  if (fitted(page, parts, parts.length, whole ? TEXT : CALM)) return;
  const isOutput = (part) => part.matches(".output:not(.fragment), .error");
  for (const cuts of [(part) => !isOutput(part), isOutput]) // a few lines of output rather go with their code
    for (let kept = parts.length - 1; kept > 0; kept--)
      if (cuts(parts[kept]) && fitted(page, parts, kept)) return continueAfter(page, parts, kept);
  parts.forEach((part) => (part.hidden = false));
  if (halve(parts[0])) return paginate(page);
  if (parts.length > 1) continueAfter(page, parts, 1);
  page.classList.add("scrolls");
  faults.push(page.parentElement.id);
}

async function start() {
  const reveal = document.querySelector(".reveal");
  await Promise.all([...document.images].map((image) => image.decode()));
  [...document.images].forEach(reserve);
  reveal.classList.add("measuring");
  document.querySelectorAll(".page").forEach(paginate);
  reveal.classList.remove("measuring");
  Reveal.on("pdf-ready", () => (window.slidesPrintable = true));
  await Reveal.initialize({
    width: 1280,
    height: 720,
    margin: 0,
    center: false,
    hash: true,
    transition: "none",
    backgroundTransition: "none",
    navigationMode: "linear", // one key, or a presenter's button, goes through everything
    slideNumber: "c/t",
    controls: false,
    pdfSeparateFragments: false,
    plugins: [RevealNotes, RevealZoom],
  });
  window.slidesFaults = faults;
}

start();
