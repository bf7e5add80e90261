// Makes every slide fit by smaller letters, in the steps of slides.css and no further; then starts reveal.js.
// What does not fit is told in `slidesFaults`, where `make slides` reads it.
"use strict";
const SMALLEST = 5;
// In this order: the output below its code in large letters, then beside it, then both in smaller ones.
const WAYS = [[0, ""], [1, ""], [2, ""], [0, "beside"], [1, "beside"], [2, "beside"], [3, ""], [3, "beside"], [4, ""],
  [4, "beside"], [5, "beside"], [5, ""]];
const reveal = document.querySelector(".reveal");

/** How many pixels a slide's code, or output beside code, goes beyond the room it has. */
function tooWide(page) {
  const right = page.getBoundingClientRect().right - parseFloat(getComputedStyle(page).paddingRight);
  const beyond = [...page.querySelectorAll(".source, .outputs")].map((box) => box.getBoundingClientRect().right - right);
  const cut = [...page.querySelectorAll(".source pre")].map((code) => code.scrollWidth - code.clientWidth);
  const broken = [...page.querySelectorAll(".beside .output pre")].map((text) => {
    const lines = text.textContent.split("\n").length * parseFloat(getComputedStyle(text).lineHeight);
    return text.clientHeight > lines + 2 ? 1 : 0; // an output beside code is not broken into more lines
  });
  return Math.max(0, ...beyond, ...cut, ...broken);
}

function tooHigh(page) {
  return page.scrollHeight - page.clientHeight;
}

function fit(page) {
  const given = page.className;
  const ways = page.querySelector(".cell") ? WAYS : [["huge", ""], ["large", ""], ...WAYS];
  for (const [text, beside] of ways) {
    for (let code = Number(text) || 0; code <= SMALLEST; code++) {
      page.className = `${given} ${beside} text-${text} code-${code}`;
      if (tooWide(page) < 1) break; // a long line makes smaller code, not smaller text
    }
    if (tooWide(page) < 1 && tooHigh(page) <= 0) return [];
  }
  const high = tooHigh(page) > 0 ? [`is ${tooHigh(page)} pixels too high`] : [];
  const wide = tooWide(page) >= 1 ? [`has a line that is ${Math.ceil(tooWide(page))} pixels too long`] : [];
  return [...high, ...wide].map((fault) => `${page.parentElement.id} ${fault}`);
}

async function start() {
  await Promise.all([...document.images].map((image) => image.decode()));
  reveal.classList.add("measuring");
  const faults = [...document.querySelectorAll(".page")].flatMap(fit);
  reveal.classList.remove("measuring");
  await Reveal.initialize({
    width: Number(reveal.dataset.width),
    height: Number(reveal.dataset.height),
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
