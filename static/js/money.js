// Decides how micro-yuan (¥1 = 1 000 000) are shown: whole fen, never rounded up; less than a fen keeps its decimals.

const MICROS_PER_YUAN = 1_000_000;
const MICROS_PER_FEN = 10_000;

export function formatYuan(micros) {
  const sign = micros < 0 ? "-" : "";
  const amount = Math.abs(micros);
  if (amount > 0 && amount < MICROS_PER_FEN)
    return `${sign}¥${(amount / MICROS_PER_YUAN).toFixed(6).replace(/0+$/, "")}`;
  return `${sign}¥${(Math.floor(amount / MICROS_PER_FEN) / 100).toFixed(2)}`;
}
