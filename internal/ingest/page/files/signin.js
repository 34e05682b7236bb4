// Signing in: the credential is sent once, and a cookie that scripts cannot read stands for it after that.
import { h, setText } from './dom.js';

// signInView returns the form. done is called once the server has accepted the credential.
export function signInView(done) {
  const username = h('input', { name: 'username', autocomplete: 'username', autocapitalize: 'off', spellcheck: 'false' });
  const secret = h('input', { name: 'secret', type: 'password', autocomplete: 'current-password', required: true });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { type: 'submit', class: 'main' }, 'Sign in');
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    setText(problem, '');
    const text = await signIn(username.value, secret.value);
    button.disabled = false;
    if (text === '') {
      done();
      return;
    }
    setText(problem, text);
    secret.select();
  };
  const view = h('section', { class: 'notice signin' },
    h('h1', {}, 'Sign in'),
    h('p', {}, 'Use a token that Impulse accepts (', h('code', {}, '--tokens-file'), ' or ', h('code', {}, '--credentials-file'), '). The page only reads.'),
    h('form', { onsubmit: submit },
      h('label', {}, 'Token or password', secret),
      h('label', {}, h('span', {}, 'User name ', h('small', {}, '(only with a password)')), username),
      button, problem));
  queueMicrotask(() => secret.focus());
  return view;
}

// signIn returns "" if the server accepts a credential, and otherwise the reason.
async function signIn(username, secret) {
  const response = await fetch('session', {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username, secret }),
  }).catch(() => null);
  switch (response?.status) {
    case 204: return remember();
    case 401: return 'Impulse does not accept this token or password.';
    case undefined: return 'The server does not answer. Try again.';
    default: return (await response.text()).trim();
  }
}

// remember notes that there is a session to end. Scripts cannot see the cookie.
function remember() {
  try {
    localStorage.setItem('impulse-signed-in', 'yes');
  } catch {
    // Then there is no button to sign out; the session ends by itself.
  }
  return '';
}

// signOut ends the session in this browser.
export const signOut = () => fetch('session', { method: 'DELETE' }).catch(() => null);
