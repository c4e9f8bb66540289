// The constants of the kernel's modules, by their names there, so that both decide alike; the worker receives them once.

export const rules = {};

export function roundHalfEven(value) { // as Python and numpy round
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
