# METHOD is what imapflow calls loginMethod; NODE_PATH leads to the package.
exec node -e '
const { ImapFlow } = require("imapflow");
const e = process.env;
(async () => {
  const client = new ImapFlow({
    host: e.HOST, port: Number(e.PORT), secure: false, doSTARTTLS: e.TLS === "yes", logger: false,
    tls: { rejectUnauthorized: false }, auth: { user: e.WHO, pass: e.PASSWORD, loginMethod: e.METHOD } });
  await client.connect();
  await client.mailboxOpen("INBOX", { readOnly: true });
  console.log((await client.fetchOne("1", { source: true })).source.toString());
  await client.logout();
})().catch(error => console.log("failed", error.responseText || error.message));'
