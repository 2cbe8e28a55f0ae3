const cases = () => [...element.querySelectorAll('[data-case]')];
let at = -1, moved = false;
element.addEventListener('focusin', e => { at = cases().indexOf(e.target.closest('[data-case]')); });
element.addEventListener('click', e => { moved = !!e.target.closest('[data-case] [data-act]'); });
watch('value', () => requestAnimationFrame(() => {
  document.querySelector('#subnav [aria-current]')?.scrollIntoView({block: 'nearest', inline: 'nearest'});
}));
watch('value', () => queueMicrotask(() => {  // after a decision the next case has the keyboard
  const left = cases(); if (!moved || !left.length) return;
  moved = false; left[Math.min(Math.max(at, 0), left.length - 1)].focus({preventScroll: true});
}));
document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select,[contenteditable]')) return;
  const step = {j: 1, k: -1}[e.key], next = step && cases()[at < 0 ? 0 : at + step];
  if (next) { next.focus(); next.scrollIntoView({block: 'start', behavior: 'smooth'}); }
});
