// Replicates answers to a CouchDB-like server and back into an empty store.
// node replicate.mjs push|pull ADDRESS ANSWERS.json BATCH
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.cwd() + "/");
const PouchDB = require("pouchdb-core")
  .plugin(require("pouchdb-adapter-memory"))
  .plugin(require("pouchdb-adapter-http"))
  .plugin(require("pouchdb-replication"));

const [way, address, file, batch] = process.argv.slice(2);
const local = new PouchDB("answers", { adapter: "memory" });
if (way === "push") {
  const docs = JSON.parse(readFileSync(file, "utf8"));
  for (let at = 0; at < docs.length; at += 1000) await local.bulkDocs(docs.slice(at, at + 1000));
}
process.stdout.write("ready\n");
// the other side measures from here on
await new Promise((go) => process.stdin.once("data", go));
const options = { batch_size: Number(batch), batches_limit: 2, checkpoint: false };
const done =
  way === "push"
    ? await local.replicate.to(address, options)
    : await local.replicate.from(address, options);
process.stdout.write(JSON.stringify({ written: done.docs_written, failed: done.doc_write_failures }) + "\n");
process.exit(0);
