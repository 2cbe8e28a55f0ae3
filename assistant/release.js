document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select,[contenteditable]')) return;
  const side = {ArrowLeft: 'left', ArrowRight: 'right', ArrowDown: 'same'}[e.key];
  const button = side && element.querySelector('[data-rate="' + side + '"]');
  const box = button && button.closest('section').getBoundingClientRect();
  if (!button || button.disabled || box.bottom < 0 || box.top > innerHeight) return;
  e.preventDefault(); button.click();
});
