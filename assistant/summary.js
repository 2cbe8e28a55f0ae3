element.addEventListener('click', e => {
  const button = e.target.closest('[data-copy]'), text = button && document.getElementById(button.dataset.copy)?.textContent;
  if (text) navigator.clipboard?.writeText(text);
});
