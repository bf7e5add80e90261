// Opened from a disk, without a server, a page may not read another one: search shows its hits without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A box above the tables and the words of a page that shows only what holds all of the words typed into it.
// Without JavaScript there is no box, and everything is shown.
document.querySelectorAll("[data-filter]").forEach((place) => {
  const page = place.closest("article");
  // A row of a table, or a word of the glossary with its definition.
  const rows = [...page.querySelectorAll("tbody tr")].map((row) => [row]);
  page.querySelectorAll("dl.glossary > dt").forEach((term) => rows.push([term, term.nextElementSibling]));
  const sections = [...page.querySelectorAll("section section")];

  const label = document.createElement("label");
  label.textContent = place.dataset.filter;
  const box = document.createElement("input");
  box.type = "search";
  label.append(box);
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  place.append(label, said);

  // Quotation marks and dots differ between a terminal and a page.
  const simple = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}_@.]+/gu, " ");
  const texts = rows.map((row) => simple(row.map((part) => part.textContent).join(" ")));
  box.addEventListener("input", () => {
    const words = simple(box.value).split(" ").filter(Boolean);
    let shown = 0;
    rows.forEach((row, i) => {
      const holds = words.every((word) => texts[i].includes(word));
      row.forEach((part) => (part.hidden = !holds));
      shown += holds;
    });
    sections.forEach((section) => (section.hidden = !section.querySelector("tbody tr:not([hidden]), dt:not([hidden])")));
    said.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
});
