// What the finished page gets on top of mdBook's. Without this script all of it can be read as well:
// it colours and wraps what is there, and adds nothing that is not.
(function () {
  'use strict';

  const PRINT = document.querySelectorAll('main h1').length > 1;

  // A conversation: the client's lines in one colour, the server's in another, rules in grey. In a
  // terminal session, what is typed stands out. mdBook has coloured some of these as source code of
  // a shell, which they are not.
  const KINDS = [
    ['client', /^\s*C:( |$)/],
    ['server', /^\s*S:( |$)/],
    ['rule', /^\s*# /],
    ['typed', /^\$ /],
  ];

  function colour(code) {
    const lines = code.textContent.replace(/\n$/, '').split('\n');
    code.textContent = '';
    for (const text of lines) {
      const line = document.createElement('span');
      const kind = KINDS.find(([, begins]) => begins.test(text));
      line.className = 'line' + (kind ? ' ' + kind[0] : '');
      line.textContent = text + '\n';
      code.append(line);
    }
    code.classList.add('conversation');
  }

  // To copy a conversation is to want to say it: the button copies the client's lines without
  // `C: `, or, from a terminal session, the commands without `$ `.
  function toSay(code) {
    const lines = Array.from(code.querySelectorAll('.line'), (line) => line.textContent.replace(/\n$/, ''));
    const typed = lines.filter((line) => /^\$ /.test(line)).map((line) => line.slice(2));
    const client = lines.filter((line) => /^\s*C:( |$)/.test(line)).map((line) => line.replace(/^\s*C:( |$)/, ''));
    return (typed.length > 0 ? typed : client).join('\n');
  }

  function copyWhatIsSaid(event) {
    const button = event.target.closest && event.target.closest('.clip-button');
    const code = button && button.closest('pre') && button.closest('pre').querySelector('code.conversation');
    const text = code && toSay(code);
    if (!text || !navigator.clipboard) {
      return;
    }
    event.stopImmediatePropagation();
    navigator.clipboard.writeText(text + '\n').then(
      () => button.setAttribute('title', 'Copied what is said, without C: or $'),
      () => button.setAttribute('title', 'This browser does not let a page copy'),
    );
  }

  // On paper there is no side bar, so the print page begins with a list of what is in it.
  function contents() {
    const main = document.querySelector('main');
    const list = document.createElement('ol');
    for (const title of main.querySelectorAll('h1')) {
      const entry = document.createElement('li');
      const link = document.createElement('a');
      link.href = '#' + title.id;
      link.textContent = title.textContent;
      entry.append(link);
      list.append(entry);
    }
    const nav = document.createElement('nav');
    nav.className = 'contents';
    nav.setAttribute('aria-label', 'Contents');
    nav.append(list);
    main.prepend(nav);
  }

  function unfold() {
    document.querySelectorAll('details').forEach((details) => {
      details.open = true;
    });
  }

  document.querySelectorAll('code.language-smtp, code.language-pop3, code.language-console').forEach(colour);
  document.addEventListener('click', copyWhatIsSaid, true);
  window.addEventListener('beforeprint', unfold);
  if (PRINT) {
    unfold();
    contents();
  }
})();
