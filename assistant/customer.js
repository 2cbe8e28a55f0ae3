element.addEventListener('click', e => {  // what was chosen stands in the address, so that it can be kept and sent
  const form = e.target.closest('[data-act]')?.closest('[data-remember]');
  if (form?.checkValidity()) params([...form.querySelectorAll('[name]')].map(field => [field.name, field.value]));
});
