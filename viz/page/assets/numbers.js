// Numbers as they are printed.

/** A number as typography.py writes it, with so many decimals. */
function format(x, decimals = 3) {
  if (Number.isNaN(x)) return "nan";
  const size = Math.abs(x);
  let digits;
  if (size === Infinity) digits = "∞";
  else if (size < 1e4 && Number.isInteger(size)) digits = String(size);
  else if (size >= 1e-3 && size < 9999.9995) digits = fixed(size, decimals);
  else digits = exponential(size);
  return x < 0 ? `−${digits}` : digits;
}

// JavaScript rounds a half up and Python to even; a number that prints the same has no half.
const fixed = (x, decimals) => x.toFixed(decimals);
const exponential = (x) => x.toExponential(1).replace("+", "").replace("-", "−");

/** A number with as many decimals as so many points hold, as typography.fit_number has it. */
function fitted(x, room, size) {
  if (!room) return format(x);
  for (const decimals of [3, 2, 1, 0]) {
    const text = format(x, decimals);
    const told = (decimals || Math.abs(x) >= 10) && (x === 0 || /[^−0.]/.test(text));
    if (told && widthOf(text, size) <= room) return text;
  }
  if (!Number.isFinite(x) || Math.abs(x) < 1 || Number.isInteger(x)) return format(x);
  const digits = Math.abs(x) < 10 ? Math.abs(x).toFixed(1) : Math.abs(x).toExponential(1).replace("+", "");
  return x < 0 ? `−${digits}` : digits;
}

/** The width of a number in Arial: digits are 556 thousandths of its size, a point 278, − 584. */
function widthOf(text, size) {
  let units = 0;
  for (const c of text) units += c === "." ? 278 : c === "−" ? 584 : c === "∞" ? 1000 : 556;
  return (units * size) / 1000;
}

/** A part of something, as sentence.py writes it. */
function share(x) {
  if (x === 0) return "nothing";
  if (x >= 0.0005 && x < 0.995) return written(x, "percent");
  return x >= 0.995 && x < 1000 ? `${format(x)} times as much` : written(x, "power");
}

/** A number in a sentence, as sentence.py writes it. */
function written(x, how) {
  if (x === null) return "";
  if (how === "factor") return x < 0 ? `(${format(x)})` : format(x);
  if (how === "share") return share(x);
  if (how === "percent") return `${Number((100 * x).toPrecision(2))}%`;
  if (how === "times") return String(Number(x.toPrecision(3)));
  if (how !== "power") return format(x);
  const [mantissa, exponent] = x.toExponential(1).split("e");
  const raised = [...String(Number(exponent))].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
  return `${mantissa}·10${raised.join("")}`;
}
