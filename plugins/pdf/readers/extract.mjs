// Prints the text that pdf.js and PDFium find on each page of a PDF, as JSON:
// {"pdfjs": ["…"], "pdfium": ["…"]}.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { PDFiumLibrary } from "@hyzyla/pdfium";

console.log = () => {}; // pdf.js warns there that it cannot draw, which nobody asks of it
const pdfjs = createRequire(import.meta.url)("pdfjs-dist/legacy/build/pdf.js");

async function withPDFJS(data) {
  const pages = [];
  const doc = await pdfjs.getDocument({ data: new Uint8Array(data), verbosity: 0, useSystemFonts: false }).promise;
  for (let n = 1; n <= doc.numPages; n++) {
    const { items } = await (await doc.getPage(n)).getTextContent();
    pages.push(items.map((i) => i.str + (i.hasEOL ? "\n" : "")).join(""));
  }
  await doc.destroy();
  return pages;
}

async function withPDFium(data) {
  const library = await PDFiumLibrary.init();
  const doc = await library.loadDocument(data);
  const pages = [...doc.pages()].map((page) => page.getText());
  doc.destroy();
  library.destroy();
  return pages;
}

const data = await readFile(process.argv[2]);
process.stdout.write(JSON.stringify({ pdfjs: await withPDFJS(data), pdfium: await withPDFium(data) }));
