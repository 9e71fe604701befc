// From a text to the tokens that the encoder knows: BERT's cleaning, then the longest known pieces (WordPiece).

const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const HAN = /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;
const PUNCTUATION = /[!-\/:-@\[-`{-~\p{P}]/u;

/** Lower case without accents or control characters; every Chinese character a word of its own. */
function cleaned(text) {
  let out = "";
  for (const c of text) {
    if (/[\t\n\r]|\p{White_Space}/u.test(c)) out += " ";
    else if (c === "\ufffd" || /[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/u.test(c)) continue;
    else out += HAN.test(c) ? ` ${c} ` : c;
  }
  return [...out.normalize("NFD").replace(/\p{Mn}/gu, "")].map((c) => c.toLowerCase()).join("");
}

/** Words, and every punctuation mark by itself. */
function rawWords(text) {
  const words = [];
  for (const run of text.split(/\p{White_Space}+/u)) {
    let word = "";
    for (const c of run) {
      if (!PUNCTUATION.test(c)) { word += c; continue; }
      if (word) words.push(word);
      words.push(c);
      word = "";
    }
    if (word) words.push(word);
  }
  return words;
}

/** The longest known piece first, from left to right; a word that does not come out whole is unknown. */
function wordPieces(word, known) {
  const letters = [...word], pieces = [];
  if (letters.length > 100) return ["[UNK]"];
  for (let start = 0; start < letters.length; ) {
    let end = letters.length, piece = null;
    for (; end > start; end--) {
      piece = (start ? "##" : "") + letters.slice(start, end).join("");
      if (known.has(piece)) break;
    }
    if (end === start) return ["[UNK]"];
    pieces.push(piece);
    start = end;
  }
  return pieces;
}

/** Tokens of a text as strings, [CLS] and [SEP] included, cut to the encoder's length. */
function tokenize(text, encoder) {
  const pieces = [];
  for (const part of text.split(/(\[(?:PAD|UNK|CLS|SEP|MASK)\])/)) {
    if (SPECIAL.includes(part)) pieces.push(part);
    else for (const word of rawWords(cleaned(part))) pieces.push(...wordPieces(word, encoder.known));
  }
  return ["[CLS]", ...pieces.slice(0, encoder.meta.max_length - 2), "[SEP]"];
}
