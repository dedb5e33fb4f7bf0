// The OpenID provider of the sign-in's tests: node-oidc-provider, which is certified, with one client and
// accounts that the tests name. Usage: node provider.mjs FOLDER-OF-NODE-MODULES; it prints its issuer, reads
// one line of JSON from standard input ({"site", "accounts": {"name": {claims}}}), prints "ready", and serves
// until its standard input ends.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const library = `${process.argv[2]}/node_modules/oidc-provider/lib/index.js`;
const { default: Provider } = await import(pathToFileURL(library).href);

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
// Another site than 127.0.0.1 to browsers, as a real provider is.
const issuer = `http://localhost:${server.address().port}`;
console.log(issuer);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { site, accounts } = JSON.parse((await lines.next()).value);

const provider = new Provider(issuer, {
  clients: [{
    client_id: "motcua",
    client_secret: "the-secret-of-the-tests-and-of-nothing-else",
    redirect_uris: [`${site}/dang-nhap/co-quan/ve`, `${site}/xac-thuc/ve`],
    post_logout_redirect_uris: [`${site}/dang-nhap`],
    response_types: ["code"],
    grant_types: ["authorization_code"],
  }],
  claims: { openid: ["sub"], profile: ["name", "groups", "dept"] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  cookies: { keys: ["of the tests"] },
  findAccount: (context, id) => accounts[id] && {
    accountId: id,
    claims: () => ({ sub: id, ...accounts[id] }),
  },
});

server.on("request", provider.callback());
console.log("ready");
for await (const _ of lines);
process.exit();
