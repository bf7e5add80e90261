// From a disk, without a server, a page may not read another one: search then shows its results without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A search box above tables or the glossary that shows the rows with the most of the words typed into it: all of the
// words, or, for a whole message with sizes and names of its own, as many as any row has.
document.querySelectorAll("[data-filter]").forEach((place) => {
  const article = place.closest("article");
  // A row of a table, or a term of the glossary with its definition.
  const rows = [...article.querySelectorAll("tbody tr")].map((row) => [row]);
  article.querySelectorAll("dl.glossary > dt").forEach((term) => rows.push([term, term.nextElementSibling]));
  const sections = [...article.querySelectorAll("section section")];
  place.innerHTML = '<label><span></span><input type="search"></label><p role="status"></p>';
  place.querySelector("span").textContent = place.dataset.filter;

  // Quotation marks and dots differ between a terminal and a page.
  const simplify = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}_@.]+/gu, " ");
  const texts = rows.map((row) => simplify(row.map((part) => part.textContent).join(" ")));
  place.querySelector("input").addEventListener("input", (event) => {
    const words = simplify(event.target.value).split(" ").filter(Boolean);
    const found = texts.map((text) => words.filter((word) => text.includes(word)).length);
    const most = Math.max(...found);
    const matches = found.map((number) => number === most && (most > 0 || !words.length));
    rows.forEach((row, i) => row.forEach((part) => (part.hidden = !matches[i])));
    sections.forEach((section) => (section.hidden = !section.querySelector("tbody tr:not([hidden])")));
    place.querySelector("p").textContent = words.length ? `${matches.filter(Boolean).length} of ${rows.length}` : "";
  });
});
