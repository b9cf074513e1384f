// An OpenID provider that others wrote (npm: oidc-provider).  It says its port, and takes the address that it sends people back to from its input.
import http from 'node:http';
import readline from 'node:readline';
import Provider from 'oidc-provider';

const groups = { amy: ['approvers'], bob: ['approvers'], vic: ['lookers'], zoe: [] };
const server = http.createServer((request, response) => answer(request, response));
let answer = (_, response) => response.writeHead(503).end();
server.listen(0, '127.0.0.1', () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    console.log(`issuer ${issuer}`);
    readline.createInterface({ input: process.stdin }).once('line', (back) => {
        const provider = new Provider(issuer, {
            clients: [{ client_id: 'provost', client_secret: process.env.OIDC_SECRET, redirect_uris: [back] }],
            scopes: ['openid', 'email', 'profile', 'groups'],
            claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
            pkce: { required: () => true },
            cookies: { keys: ['of this test'] },
            features: { devInteractions: { enabled: true } },
            findAccount: (_, id) => ({
                accountId: id,
                claims: async () => ({ sub: id, email: `${id}@acme.example`, email_verified: true, groups: groups[id] ?? [] }),
            }),
        });
        answer = provider.callback();
        console.log('ready');
    });
});
