// node generate.mjs [MODULES]: makes `contract/` anew from `wit/`; run it after the contract has changed.
// MODULES is the folder with what package-lock.json pins, jco among it: `target/tools/js/node_modules`, where
// `cargo xtask setup` puts it. The same contract gives the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const sdk = dirname(fileURLToPath(import.meta.url));
const root = join(sdk, "../..");
const [modules = join(root, "target/tools/js/node_modules"), output = join(sdk, "contract")] = process.argv.slice(2);

const { resolve: from } = createRequire(join(resolve(modules), "@bytecodealliance/jco-transpile/dist/index.js"));
const load = (name) => import(pathToFileURL(from(name)));
// jco reads files as a component does. `jco guest-types` 1.35.0 grants itself no directory and finds nothing.
const { _addPreopen } = await load("@bytecodealliance/preview2-shim/filesystem");
_addPreopen("/", "/");
const { generateGuestTypes } = await load("@bytecodealliance/jco-transpile");

const world = "tollgate:gateway/policy";
const files = await generateGuestTypes(join(root, "wit"), { worldName: world, strict: true });
rmSync(output, { recursive: true, force: true });
for (const [name, bytes] of Object.entries(files)) {
  mkdirSync(dirname(join(output, name)), { recursive: true });
  writeFileSync(join(output, name), bytes);
}

// As the program's tests compute it: paths and texts in the order of the paths.
const digest = createHash("sha256");
const sources = readdirSync(join(root, "wit"), { recursive: true }).filter((name) => name.endsWith(".wit"));
const paths = sources.map((name) => `wit/${name}`).sort();
for (const path of paths) digest.update(path).update(readFileSync(join(root, path)));
writeFileSync(join(output, "wit.sha256"), `${digest.digest("hex")}\n`);
